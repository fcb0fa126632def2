import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run, sha256 } from "@ob/core";
import {
  assertTools,
  compressDisk,
  defineRecipe,
  downloadPackages,
  fakerootPrefix,
  findKernel,
  findKernelModules,
  makeInitrd,
  makeRootDisk,
  type RecipeContext,
  type RecipeResult,
  unpackKernel,
  unpackRoot,
  withPhase,
} from "@ob/images/toolkit";
import { readGuest } from "../debian/guest-files.ts";
import { trixie } from "../debian/releases.ts";
import * as content from "./contents.ts";
import { fillTinyRoot } from "./root.ts";
import * as scripts from "./scripts.generated.ts";

const label = "obuilder-root";
const commandLine = "console=ttyS0 rodata=off no_timer_check";
const mebibyte = 1024 ** 2;
const tools = [
  ...["apt-get", "apt-cache", "dpkg-deb", "xz", "sfdisk", "mke2fs", "qemu-img", "qemu-system-x86_64"],
];

/**
 * The smallest image in which a step runs, for `obuilder healthcheck` and for trying specs: busybox, bash and tar.
 */
export const busybox = defineRecipe({
  name: "busybox",
  summary: "busybox, bash, tar and an SSH server; the login user is root",
  guestOs: "linux",
  guestArch: "amd64",
  supports: {
    diskSize: { default: 2048 * mebibyte, min: 128 * mebibyte },
    user: { default: "root", pattern: /^root$/ },
  },
  tools,
  // Dropbear does not accept environment variables.
  smokeTest: { strict: false },
  fingerprint: async () => {
    const files = [await content.guestFiles(), await readGuest("initrd-init")];
    // The revision stands for the recipe's code; increment it when the code changes the image.
    return sha256(JSON.stringify({ revision: 1, content, files, label, commandLine }));
  },
  make,
  expectations: () => `${scripts.expectations}\n`,
});

async function make(context: RecipeContext): Promise<RecipeResult> {
  const { directory, parameters, publicKey, onEvent, signal } = context;
  const at = (name: string): string => join(directory, name);
  const asRoot = fakerootPrefix(at("owners"));
  await assertTools(asRoot.slice(0, 1));
  for (const name of ["apt", "root", "control", "kernel/usr/lib"]) await mkdir(at(name), { recursive: true });
  await writeFile(at("owners"), "");

  const { packages, kernelPackage } = content;
  const debs = await downloadPackages(at("apt"), {
    ...{ suite: trixie.suite, architecture: "amd64", packages, more: [], kernelPackage, onEvent, signal },
  });
  await withPhase("Unpack the packages", { onEvent, signal }, async (phase) => {
    await unpackRoot(debs.packages, {
      ...{ root: at("root"), scratch: at("control"), asRoot, signal: phase.signal },
      ...{ excludePaths: content.excludePaths, dpkgOptions: [] },
    });
    await fillTinyRoot(at("root"), { publicKey, asRoot, signal: phase.signal });
  });

  await withPhase("Make the kernel and the initrd", { onEvent, signal }, async (phase) => {
    await symlink("usr/lib", at("kernel/lib"));
    await run(["dpkg-deb", "-x", debs.kernel, at("kernel")], { signal: phase.signal });
    const found = await findKernel(at("kernel"));
    const initrd = await makeInitrd({
      kernelModules: await findKernelModules(found.modules),
      busybox: at("root/usr/bin/busybox"),
      label,
      modules: content.modules,
      script: await readGuest("initrd-init"),
    });
    await writeFile(at("initrd"), initrd);
    await unpackKernel(await readFile(found.image), { file: at("vmlinux"), signal: phase.signal });
  });

  await withPhase("Make the disk", { onEvent, signal }, async (phase) => {
    const options = { root: at("root"), asRoot, size: parameters.diskSize, label, signal: phase.signal };
    await makeRootDisk(at("disk"), options);
    await compressDisk(at("disk"), { to: at("disk.qcow2"), signal: phase.signal });
    await rm(at("disk"));
  });
  return {
    disk: at("disk.qcow2"),
    virtualSize: parameters.diskSize,
    readyMarker: true,
    directBoot: { kernel: at("vmlinux"), initrd: at("initrd"), commandLine },
  };
}
