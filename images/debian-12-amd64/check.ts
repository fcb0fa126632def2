import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { run } from "@ob/core";
import type { Argv } from "../src/as-root.ts";
import { lookAround } from "../src/look-around.ts";
import type { CheckOptions, RecipeResult } from "../src/recipe.ts";
import { assertCleanRoot } from "../src/root-state.ts";
import { TrialBoot } from "../src/trial-boot.ts";

/** Generous: a loaded machine without hardware virtualization. */
const bootSeconds = 180;
const powerDownSeconds = 60;

/** What a build takes for granted. Ends with a status other than 0 at the first that is not so. */
const expectations = `set -e
fail() { echo "This is not so: $1"; exit 1; }
[ "$(id -un):$(id -u)" = opam:1000 ] || fail "the login user is opam, with uid 1000"
[ "$SHELL" = /bin/bash ] && [ -n "$BASH_VERSION" ] || fail "the login shell is bash"
[ "$OBUILDER_CHECK" = yes ] || fail "sshd accepts environment variables"
[ "$(sudo -n id -u)" = 0 ] || fail "sudo needs no password"
sudo -n sh -c 'command -v mke2fs' >/dev/null || fail "root's PATH has sbin"
tar --version | grep -q GNU || fail "tar is GNU tar"
[ -z "$(dpkg --audit)" ] || fail "all packages are configured"
[ -c /dev/ptmx ] && [ -w /dev/shm ] && [ -d /sys/class ] || fail "the usual file systems are mounted"
grep -q '^nameserver 10.0.2.3' /etc/resolv.conf || fail "the name server is QEMU's"
`;

/**
 * Boots the image in the two ways that matter: by its kernel, as our own sandbox does, and from its own disk with the
 * flags of the original OBuilder (GRUB, a SATA disk, an e1000e card). Each time it logs in, presses the power button
 * and sees that the disk was left clean; the first time it looks around.
 */
export async function checkDebian(result: RecipeResult, options: CheckOptions): Promise<void> {
  await boot(result, { ...options, name: "direct", flags: directFlags(result), script: expectations });
  await boot(result, { ...options, name: "disk", flags: originalFlags, script: "sudo -n true" });
}

type Flags = (disk: string, network: string) => readonly string[];

function directFlags({ directBoot }: RecipeResult): Flags {
  const kernel = directBoot
    ? ["-kernel", directBoot.kernel, "-initrd", directBoot.initrd, "-append", directBoot.commandLine]
    : [];
  return (disk, network) => [
    ...["-machine", "pc,accel=tcg", "-m", "512", "-nodefaults", "-cpu", "qemu64,-svm,+rdrand"],
    ...["-drive", `if=virtio,file=${disk},format=qcow2`, "-nic", `${network},model=virtio-net-pci`],
    ...["-device", "virtio-rng-pci", ...kernel],
  ];
}

const originalFlags: Flags = (disk, network) => [
  ...["-m", "1G", "-smp", "2", "-machine", "accel=tcg,type=q35", "-nic", network],
  ...["-drive", `file=${disk},format=qcow2`],
];

interface BootOptions extends CheckOptions {
  readonly name: string;
  readonly flags: Flags;
  /** What to do in the guest. */
  readonly script: string;
}

async function boot(result: RecipeResult, options: BootOptions): Promise<void> {
  const { name, flags, script, sshKey, signal } = options;
  const directory = join(options.directory, name);
  await mkdir(directory);
  const disk = join(directory, "disk.qcow2");
  const console = join(directory, "console");
  await run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", result.disk, "-F", "qcow2", disk], { signal });
  const argv: Argv = [
    "qemu-system-x86_64",
    ...flags(disk, "user,restrict=on,hostfwd=tcp:127.0.0.1:0-:22"),
    ...["-display", "none", "-monitor", "stdio", "-serial", `file:${console}`],
  ];
  {
    await using vm = TrialBoot.start(argv, { console, signal });
    await vm.waitForConsole("obuilder: ready", bootSeconds);
    await lookAround(script, { port: await vm.sshPort(), sshKey, signal });
    await vm.powerDown(powerDownSeconds);
  }
  await assertCleanRoot(disk, { raw: join(directory, "superblock"), signal });
}
