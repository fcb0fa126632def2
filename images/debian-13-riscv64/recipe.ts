import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { run, sha256 } from "@ob/core";
import { downloadPackages } from "../src/apt-download.ts";
import { asRootPrefix } from "../src/as-root.ts";
import { fillRoot } from "../src/debian-root.ts";
import { assertTools } from "../src/host-tools.ts";
import { makeInitrd } from "../src/initrd.ts";
import { findKernelModules, loadOrder } from "../src/kernel-modules.ts";
import { findKernel } from "../src/kernel.ts";
import { inPhase } from "../src/progress.ts";
import { defineRecipe, type RecipeContext, type RecipeResult } from "../src/recipe.ts";
import { compressDisk, makeRootDisk } from "../src/root-disk.ts";
import { unpackRoot } from "../src/unpack-root.ts";
import { checkDebian } from "./check.ts";
import { commandLine, guestBusybox, guestFiles, guestLinks, readGuest } from "./guest-files.ts";
import * as content from "./packages.ts";
import { setUpSystem } from "./system.ts";

const strip = "riscv64-linux-gnu-strip";
const tools = [
  ...["apt-get", "apt-cache", "dpkg-deb", "update-alternatives", "xz", "depmod", "ssh-keygen", "ssh"],
  ...["sfdisk", "mke2fs", "qemu-img", "qemu-system-riscv64", strip],
];
const label = "obuilder-root";
const virtualSize = 10 * 1024 ** 3;

/** A small Debian 13 for QEMU's riscv64 machine, made on any host without running a program of the guest's. */
export const debian13Riscv64 = defineRecipe({
  name: "debian-13-riscv64",
  guestOs: "linux",
  guestArch: "riscv64",
  tools,
  fingerprint,
  make,
  check: checkDebian,
});

async function fingerprint(): Promise<string> {
  const files = [await guestFiles(), guestLinks, await readGuest("initrd-init")];
  // The revision stands for what the code does.
  return sha256(JSON.stringify({ revision: 2, content, files, label, virtualSize, commandLine }));
}

async function make(context: RecipeContext): Promise<RecipeResult> {
  const { directory, publicKey, onEvent, signal } = context;
  const at = (name: string): string => join(directory, name);
  const asRoot = asRootPrefix(at("owners"));
  await assertTools([...tools, ...asRoot.slice(0, 1)]);
  for (const name of ["apt", "root", "control", "kernel/usr/lib"]) await mkdir(at(name), { recursive: true });
  await writeFile(at("owners"), "");

  const { packages, kernelPackage } = content;
  const debs = await downloadPackages(at("apt"), {
    ...{ suite: "trixie", architecture: "riscv64", packages, kernelPackage, onEvent, signal },
  });
  await inPhase("Unpack the packages", { onEvent }, async () => {
    await unpackRoot(debs.packages, {
      ...{ root: at("root"), scratch: at("control"), asRoot, signal },
      ...{ excludePaths: content.excludePaths, dpkgOptions: content.dpkgOptions },
    });
    await setUpSystem(at("root"), { asRoot, sources: debs.sources, signal });
  });

  const kernel = await inPhase(
    "Make the kernel, the initrd and the guest's own files",
    { onEvent },
    async () => {
      await symlink("usr/lib", at("kernel/lib"));
      await run(["dpkg-deb", "-x", debs.kernel, at("kernel")], { signal });
      const found = await findKernel(at("kernel"));
      const kernelModules = await findKernelModules(found.modules);
      await stripModules(kernelModules, signal);
      const initrd = await makeInitrd({
        kernelModules,
        busybox: at("root/usr/bin/busybox"),
        label,
        modules: content.modules,
        script: await readGuest("initrd-init"),
      });
      await writeFile(at("initrd"), initrd);
      await fillRoot(at("root"), {
        ...{ kernel: found, publicKey, asRoot, signal },
        ...{ files: await guestFiles(), links: guestLinks, busybox: guestBusybox },
        modules: content.guestModules,
        packedInitrd: await promisify(gzip)(initrd, { level: 9 }),
      });
      return found.image;
    },
  );

  await inPhase("Make the disk", { onEvent }, () =>
    makeRootDisk(at("disk"), { root: at("root"), asRoot, size: virtualSize, label, signal }),
  );
  await inPhase("Compress the disk", { onEvent }, () =>
    compressDisk(at("disk"), { to: at("disk.qcow2"), signal }),
  );
  return {
    disk: at("disk.qcow2"),
    virtualSize,
    announcesReady: true,
    resumes: ["initrd"],
    directBoot: { kernel, initrd: at("initrd"), commandLine },
  };
}

/**
 * Takes the labels of the linker out of the modules: 205,000 of ext4's 216,000 symbols, which the guest's kernel would
 * read one by one at each boot, a third of its time to the first login.
 */
async function stripModules(
  modules: ReadonlyMap<string, string>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const names = [...Object.values(content.modules).flat(), ...content.guestModules];
  const files = (await loadOrder(modules, names)).map(({ file }) => file);
  await run([strip, "--strip-unneeded", ...files], { signal });
}
