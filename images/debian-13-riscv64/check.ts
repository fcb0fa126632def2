import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { run } from "@ob/core";
import type { Argv } from "../src/as-root.ts";
import { lookAround } from "../src/look-around.ts";
import type { CheckOptions, RecipeResult } from "../src/recipe.ts";
import { assertCleanRoot } from "../src/root-state.ts";
import { TrialBoot } from "../src/trial-boot.ts";

/** Generous: a loaded machine, and always software emulation. */
const bootSeconds = 240;
const powerOffSeconds = 60;

const firmware = "/usr/lib/riscv64-linux-gnu/opensbi/generic";
const bootLoader = "/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf";

/** What a build takes for granted. Ends with a status other than 0 at the first that is not so. */
const expectations = `set -e
fail() { echo "This is not so: $1"; exit 1; }
[ "$(id -un):$(id -u)" = opam:1000 ] || fail "the login user is opam, with uid 1000"
[ "$SHELL" = /bin/bash ] && [ -n "$BASH_VERSION" ] || fail "the login shell is bash"
[ "$OBUILDER_CHECK" = yes ] || fail "sshd accepts environment variables"
[ "$(uname -m)" = riscv64 ] || fail "the machine is riscv64"
[ "$(sudo -n id -u)" = 0 ] || fail "sudo needs no password"
sudo -n sh -c 'command -v mke2fs' >/dev/null || fail "root's PATH has sbin"
for program in mount umount fsfreeze setpriv e2fsck; do
  sudo -n sh -c "command -v $program" >/dev/null || fail "there is $program"
done
tar --version | grep -q GNU || fail "tar is GNU tar"
[ -z "$(dpkg --audit)" ] || fail "all packages are configured"
echo ok | awk '{ print }' >/dev/null || fail "there is an awk"
[ -c /dev/ptmx ] && [ -w /dev/shm ] && [ -d /sys/class ] || fail "the usual file systems are mounted"
[ -c /dev/hwrng ] || fail "the machine's random generator is in use"
grep -q '^nameserver 10.0.2.3' /etc/resolv.conf || fail "the name server is QEMU's"
(sleep 0.2; sudo -n poweroff) </dev/null >/dev/null 2>&1 &
`;

/**
 * Boots the image in the two ways that matter, one after the other: by its kernel, and by U-Boot as the original
 * OBuilder does. Each time it logs in, looks around, switches the guest off and sees that the disk was left clean.
 */
export async function checkDebian(result: RecipeResult, options: CheckOptions): Promise<void> {
  const { directBoot } = result;
  if (directBoot) {
    const { kernel, initrd, commandLine } = directBoot;
    const flags = ["-bios", `${firmware}/fw_dynamic.bin`, "-kernel", kernel];
    const rest = ["-initrd", initrd, "-append", commandLine];
    await boot(result, { ...options, name: "direct", flags: [...flags, ...rest] });
  }
  const flags = ["-bios", `${firmware}/fw_jump.bin`, "-kernel", bootLoader];
  await boot(result, { ...options, name: "u-boot", flags });
}

async function boot(
  result: RecipeResult,
  options: CheckOptions & { readonly name: string; readonly flags: readonly string[] },
): Promise<void> {
  const { name, flags, sshKey, signal } = options;
  const directory = join(options.directory, name);
  await mkdir(directory);
  const disk = join(directory, "disk.qcow2");
  const console = join(directory, "console");
  await run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", result.disk, "-F", "qcow2", disk], { signal });
  const argv: Argv = [
    ...(["qemu-system-riscv64", "-nodefaults", "-machine", "virt", "-m", "1G", "-smp", "2"] as const),
    ...["-drive", `if=none,id=root,file=${disk},format=qcow2`, "-device", "virtio-blk-pci,drive=root"],
    ...["-netdev", "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:0-:22"],
    ...["-device", "virtio-net-pci,netdev=net,romfile="],
    ...["-device", "virtio-rng-pci", ...flags],
    ...["-display", "none", "-monitor", "stdio", "-serial", `file:${console}`],
  ];
  {
    await using vm = TrialBoot.start(argv, { console, signal });
    await vm.waitForConsole("obuilder: ready", bootSeconds);
    await lookAround(expectations, { port: await vm.sshPort(), sshKey, signal });
    await vm.ended(powerOffSeconds);
  }
  await assertCleanRoot(disk, { raw: join(directory, "superblock"), signal });
}
