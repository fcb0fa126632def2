import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { run, sha256 } from "@ob/core";
import {
  type AptDownload,
  assertTools,
  compressDisk,
  defineRecipe,
  downloadPackages,
  fakerootPrefix,
  fillRoot,
  findKernel,
  findKernelModules,
  type KernelModules,
  loadOrder,
  makeInitrd,
  makeRootDisk,
  type Recipe,
  type RecipeContext,
  type RecipeResult,
  unpackRoot,
  withPhase,
} from "@ob/images/toolkit";
import { guestBusybox, guestLinks } from "./guest-files.ts";
import type { Release } from "./releases.ts";
import { checkByUBoot } from "./riscv64/check-by-u-boot.ts";
import { configurePackages } from "./riscv64/configure.ts";
import { commandLine, readGuest, riscv64Files } from "./riscv64/guest-files.ts";
import * as content from "./riscv64/packages.ts";
import { setUpSystem } from "./riscv64/system.ts";
import { debianExpectations, debianSupports, extraPackages } from "./supports.ts";

const strip = "riscv64-linux-gnu-strip";
const tools = [
  ...["apt-get", "apt-cache", "dpkg-deb", "update-alternatives", "xz", "depmod", "ssh-keygen"],
  ...["sfdisk", "mke2fs", "qemu-img", "qemu-system-riscv64", strip],
];
const label = "obuilder-root";
/** Time limit in seconds for the maintainer scripts of OCaml's packages under TCG. */
const configureLimit = 1_800;

/** A small Debian for QEMU's riscv64 machine, built on a host of any architecture. */
export function debianRiscv64(release: Release): Recipe {
  return defineRecipe({
    name: `debian-${release.version}-riscv64`,
    summary: `Debian ${release.version} for riscv64, with apt and busybox as its init`,
    guestOs: "linux",
    guestArch: "riscv64",
    supports: debianSupports(release),
    tools,
    fingerprint: async ({ user }) => {
      const files = [await riscv64Files(release, user), guestLinks, await readGuest("initrd-init")];
      // The revision stands for the recipe's code; increment it when the code changes the image.
      return sha256(JSON.stringify({ revision: 3, release, content, files, label, commandLine }));
    },
    make: (context) => make(release, context),
    expectations: (parameters) =>
      `[ "$(uname -m)" = riscv64 ] || { echo "The machine is not a riscv64"; exit 1; }\n${debianExpectations(parameters)}`,
    check: checkByUBoot,
  });
}

async function make(release: Release, context: RecipeContext): Promise<RecipeResult> {
  const { directory, parameters, onEvent, signal } = context;
  const { user, diskSize } = parameters;
  const at = (name: string): string => join(directory, name);
  const asRoot = fakerootPrefix(at("owners"));
  await assertTools(asRoot.slice(0, 1));
  for (const name of ["apt", "root", "control", "kernel/usr/lib"]) await mkdir(at(name), { recursive: true });
  await writeFile(at("owners"), "");

  const debs = await download(release, context);
  await withPhase("Unpack the packages", { onEvent }, async () => {
    await unpackRoot(debs.packages, {
      ...{ root: at("root"), scratch: at("control"), asRoot, signal, pending: new Set(debs.more) },
      ...{ excludePaths: content.excludePaths, dpkgOptions: content.dpkgOptions },
    });
    await setUpSystem(at("root"), { user, asRoot, sources: debs.sources, signal });
  });

  const kernel = await withPhase("Make the kernel, the initrd and the guest's own files", { onEvent }, () =>
    makeBootFiles(release, { ...context, kernelPackage: debs.kernel, asRoot }),
  );

  await withPhase("Make the disk", { onEvent }, () =>
    makeRootDisk(at("disk"), { root: at("root"), asRoot, size: diskSize, label, signal }),
  );
  const result: RecipeResult = {
    disk: at("disk.qcow2"),
    virtualSize: diskSize,
    readyMarker: true,
    directBoot: { kernel, initrd: at("initrd"), commandLine },
  };
  if (debs.more.length > 0) {
    const configured = { ...result, disk: at("configured.qcow2") };
    const limit = { onEvent, signal, limitSeconds: configureLimit };
    await withPhase("Configure the packages, in the guest itself", limit, async (phase) => {
      const pack = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", at("disk"), configured.disk] as const;
      await run(pack, { signal: phase.signal });
      await configurePackages(configured, {
        ...{ ...context, signal: phase.signal, limitSeconds: configureLimit },
      });
    });
  }
  await withPhase("Compress the disk", { onEvent }, () =>
    debs.more.length > 0
      ? compressDisk(at("configured.qcow2"), { to: result.disk, format: "qcow2", signal })
      : compressDisk(at("disk"), { to: result.disk, signal }),
  );
  return result;
}

interface BootFilesOptions extends RecipeContext {
  /** Absolute path of the kernel's package. */
  readonly kernelPackage: string;
  readonly asRoot: readonly string[];
}

/** Makes the initrd, and puts it and the guest's own files in the root directory. @returns the kernel's path. */
async function makeBootFiles(release: Release, options: BootFilesOptions): Promise<string> {
  const { directory, parameters, publicKey, kernelPackage, asRoot, signal } = options;
  const { user } = parameters;
  const at = (name: string): string => join(directory, name);
  await symlink("usr/lib", at("kernel/lib"));
  await run(["dpkg-deb", "-x", kernelPackage, at("kernel")], { signal });
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
    ...{ kernel: found, user, publicKey, asRoot, signal },
    ...{ files: await riscv64Files(release, user), links: guestLinks, busybox: guestBusybox },
    modules: content.guestModules,
    packedInitrd: await promisify(gzip)(initrd, { level: 9 }),
  });
  return found.image;
}

function download(release: Release, context: RecipeContext): Promise<AptDownload> {
  const { directory, parameters, onEvent, signal } = context;
  return downloadPackages(join(directory, "apt"), {
    ...{ suite: release.suite, architecture: "riscv64", kernelPackage: content.kernelPackage },
    ...{ packages: [...content.packages, ...release.packages], more: extraPackages(parameters) },
    ...{ onEvent, signal },
  });
}

/**
 * Strips linker labels from the modules: 205,000 of ext4's 216,000 symbols. The guest's kernel would read them one by
 * one at each boot, which is a third of the time to the first login.
 */
async function stripModules(modules: KernelModules, signal: AbortSignal | undefined): Promise<void> {
  const names = [...Object.values(content.modules).flat(), ...content.guestModules];
  const files = (await loadOrder(modules, names)).map(({ file }) => file);
  await run([strip, "--strip-unneeded", ...files], { signal });
}
