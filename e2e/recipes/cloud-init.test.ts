import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { parseImageManifest, run } from "@ob/core";
import { bootForSmokeTest } from "@ob/sandbox-qemu";
import { expect, it } from "vitest";
import { runInstaller } from "../../images/src/installer/run-installer.ts";
import { installerArgv } from "../../images/src/installer/installer-argv.ts";
import { installFailures, installPhases, makeSeed } from "../../images/ubuntu-noble/recipe.ts";
import { build, builtId, obuilder } from "../support/obuilder.ts";
import { imageName, temporaryStore, whyWithout } from "../support/store.ts";

/**
 * Simulates systemd on Ubuntu: it runs cloud-init's four stages unless it is disabled. The image's own user is replaced
 * by the one in the user-data, and its sshd configuration by that of a system which is configured by files in
 * sshd_config.d.
 */
const atBoot = String.raw`#!/bin/sh
[ ! -e /etc/cloud/cloud-init.disabled ] || exit 0
exec >/dev/console 2>&1
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
userdel --remove opam
cloud-init init --local
cloud-init init
cloud-init modules --mode=config
cloud-init schema --system || echo "obuilder: failed: cloud-init does not take the user-data"
cloud-init modules --mode=final
`;

const cloudImage = "debian-12-amd64-cloud-init";

const spec = `((from ${cloudImage})
 (user (uid 0) (gid 0))
 (copy (src at-boot) (dst /usr/local/sbin/at-boot))
 (run (shell "chmod 755 /usr/local/sbin/at-boot && echo '::once:/usr/local/sbin/at-boot' >>/etc/inittab && ln -s /usr/local/lib/obuilder/power-off /usr/local/sbin/shutdown && rm /etc/ssh/sshd_config.d/obuilder.conf && printf 'datasource_list: [NoCloud]\\nnetwork: {config: disabled}\\n' >/etc/cloud/cloud.cfg.d/99-test.cfg")))`;

/** What must be true for the login user afterwards; `expect` prints what is not. */
const looks = String.raw`expect() { what=$1; shift; "$@" || { echo "not so: $what"; exit 1; }; }
contains() { grep -q -- "$1" "$2"; }
expect "its uid is 1000" [ "$(id -u)" = 1000 ]
expect "its shell is bash" [ "$(getent passwd builder | cut -d: -f7)" = /bin/bash ]
expect "it is in the group sudo" sh -c 'id -nG | grep -qw sudo'
expect "sudo asks for nothing" [ "$(sudo -n id -u)" = 0 ]
expect "sshd takes variables" [ "$OBUILDER_TEST" = "taken as it is" ]
expect "sshd is set up by our file" contains "^AcceptEnv" /etc/ssh/sshd_config.d/00-obuilder.conf
expect "its key is the only one" [ "$(wc -l <~/.ssh/authorized_keys)" = 1 ]
expect "it has no password" sudo -n sh -c 'grep -q "^builder:[!*]" /etc/shadow'
expect "there is no other user with a home" [ "$(ls /home)" = builder ]
expect "root has no password and no key" sudo -n sh -c 'grep -q "^root:[!*]" /etc/shadow && ! grep -q "^ssh-" /root/.ssh/authorized_keys 2>/dev/null'
expect "the package is there" [ "$(dpkg-query -W -f '\${db:Status-Status}' hello)" = installed ]
expect "there is one host key" [ "$(ls /etc/ssh/ssh_host_*_key)" = /etc/ssh/ssh_host_ed25519_key ]
expect "cloud-init is disabled" [ -e /etc/cloud/cloud-init.disabled ]
expect "no instance is left" [ ! -e /var/lib/cloud/instance ]
expect "the machine has no id" [ ! -s /etc/machine-id ]
expect "netplan takes any card" sudo -n grep -q 'name: "e\*"' /etc/netplan/60-obuilder.yaml
expect "only root reads that" [ "$(stat -c %a:%U /etc/netplan/60-obuilder.yaml)" = 600:root ]
expect "the units are there" [ -f /etc/systemd/system/obuilder-ready.service ]
`.replaceAll(String.raw`\$`, "$");

it("cloud-init applies Ubuntu's seed as the recipe expects (recipe-offline: a Debian guest)", async () => {
  const kept = (await whyWithout(cloudImage)) === undefined;
  await using store = await temporaryStore(kept ? cloudImage : imageName);
  const at = (name: string): string => path.join(store.work, name);
  await run(["sh", "-c", 'cat >"$1" && chmod 755 "$1"', "sh", at("at-boot")], { input: atBoot });
  const location = `--store=qemu:${store.directory}`;
  if (!kept) {
    // Installed on the host, which is faster than in an emulated guest.
    const recipe = ["image", "build", imageName, "--package", "cloud-init", "--name", cloudImage, location];
    const image = await obuilder(recipe);
    expect(image.exitCode, image.all).toBe(0);
  }
  const built = await build(store, spec);
  expect(built.exitCode, built.all).toBe(0);
  const layer = path.join(store.directory, "result", builtId(built.stdout), "rootfs/image.qcow2");

  // The guest is installed as Ubuntu's is: a disk, the seed beside it, and progress on the console.
  await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", at("key")]);
  const publicKey = (await readFile(at("key.pub"), "utf8")).trim();
  await mkdir(at("seed"));
  await makeSeed(at("seed.iso"), {
    ...{ directory: at("seed"), name: "cloud-init-test", publicKey, signal: undefined },
    parameters: {
      ...{ ocaml: undefined, diskSize: 0, user: "builder", packages: ["hello"] },
      ...{ iso: undefined, from: new Map() },
    },
  });
  const disk = at("disk.qcow2");
  await run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", layer, "-F", "qcow2", disk]);
  const images = path.join(store.directory, "base-image");
  const manifestFile = path.join(images, `${cloudImage}.json`);
  const manifest = parseImageManifest(await readFile(manifestFile, "utf8"), manifestFile);
  const { kernel = "", initrd = "", commandLine = "" } = manifest.directBoot ?? {};
  const [program, ...args] = installerArgv({
    ...{ guestArch: "amd64", memoryMib: 1_024, reboots: false, disks: [disk], seeds: [at("seed.iso")] },
    processor: ["-accel", "tcg", "-cpu", "qemu64,-svm,+rdrand,+rdseed"],
  });
  const boot = ["-kernel", path.join(images, kernel), "-initrd", path.join(images, initrd)];
  const seen: string[] = [];
  await runInstaller([program, ...args, ...boot, "-append", commandLine], {
    ...{ consoleLog: at("console"), phases: installPhases(undefined), failures: installFailures },
    onEvent: (event) => event.type === "phase-finished" && seen.push(event.phase),
    signal: undefined,
  });
  expect(seen).toEqual(installPhases(undefined).map(({ name }) => name));
  const said = await readFile(at("console"), "latin1");
  expect(said).not.toMatch(/Traceback|Invalid cloud-config/);

  // Then it is used like any image.
  const { diskBus: _, ...rest } = manifest;
  await using guest = await bootForSmokeTest(
    {
      ...{ memoryMib: 1_024, cpus: 2, bootTimeSeconds: 120, accelerator: "tcg" },
      stateDirectory: path.join(store.directory, "state/qemu"),
    },
    {
      image: {
        manifest: { ...rest, loginUser: "builder", sshKey: path.relative(images, at("key")) },
        manifestDirectory: images,
      },
      disk,
    },
  );
  const outcome = await guest.run({ script: looks, environment: { OBUILDER_TEST: "taken as it is" } });
  expect(`${outcome.stdout}${outcome.stderr}`).toBe("");
  expect(outcome.status).toBe(0);
  expect(await guest.powerOff()).toBe("acpi");
});
