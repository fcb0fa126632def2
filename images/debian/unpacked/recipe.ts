import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { archNames, type GuestArch, run, sha256 } from "@ob/core";
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
  unpackKernel,
  unpackRoot,
  withPhase,
} from "@ob/images/toolkit";
import { machineFor } from "@ob/qemu";
import { grubConfigOf } from "../grub.ts";
import { guestBusybox, guestLinks } from "../guest-files.ts";
import type { Release } from "../releases.ts";
import { debianExpectations, debianSupports, extraPackages } from "../supports.ts";
import type { UnpackedArch } from "./architecture.ts";
import { configurePackages } from "./configure.ts";
import { unpackedFiles } from "./files.ts";
import * as content from "./packages.ts";
import { setUpSystem } from "./system.ts";

const tools = [
  ...["apt-get", "apt-cache", "dpkg-deb", "update-alternatives", "xz", "depmod", "ssh-keygen"],
  ...["sfdisk", "mke2fs", "qemu-img"],
];
const label = "obuilder-root";
/** Time limit in seconds for the maintainer scripts of OCaml's packages under TCG. */
const configureLimit = 1_800;

interface MakeContext extends RecipeContext {
  readonly release: Release;
}

/** A small Debian for a machine of another architecture than the host's, built on a host of any architecture. */
export function debianUnpacked(release: Release, arch: UnpackedArch): Recipe {
  const { guestArch, kernelPackage, modules, commandLine, strip, revision } = arch;
  return defineRecipe({
    name: `debian-${release.version}-${guestArch}`,
    summary: `Debian ${release.version} for ${guestArch}, with apt and busybox as its init`,
    guestOs: "linux",
    guestArch,
    supports: debianSupports(release),
    tools: [...tools, machineFor(guestArch).binary, ...(strip === undefined ? [] : [strip])],
    fingerprint: async ({ user }) => {
      const files = [await unpackedFiles(arch, { release, user }), guestLinks, await arch.initrd()];
      const { dpkgOptions, excludePaths, guestModules, packages } = content;
      const all = { dpkgOptions, excludePaths, guestModules, kernelPackage, modules, packages };
      return sha256(JSON.stringify({ revision, release, content: all, files, label, commandLine }));
    },
    make: (context) => make(arch, { release, ...context }),
    expectations: (parameters) => `${machineExpectation(guestArch)}\n${debianExpectations(parameters)}`,
    check: arch.check,
  });
}

function machineExpectation(guestArch: GuestArch): string {
  const [machine] = archNames[guestArch].uname;
  return `[ "$(uname -m)" = ${machine} ] || { echo "The machine is not ${machine}"; exit 1; }`;
}

async function make(arch: UnpackedArch, context: MakeContext): Promise<RecipeResult> {
  const { directory, parameters, onEvent, signal } = context;
  const { guestArch, commandLine, snapshotPoints } = arch;
  const { user, diskSize } = parameters;
  const at = (name: string): string => join(directory, name);
  const asRoot = fakerootPrefix(at("owners"));
  await assertTools(asRoot.slice(0, 1));
  for (const name of ["apt", "root", "control", "kernel/usr/lib"]) await mkdir(at(name), { recursive: true });
  await writeFile(at("owners"), "");

  const debs = await download(arch, context);
  await withPhase("Unpack the packages", { onEvent }, async () => {
    await unpackRoot(debs.packages, {
      ...{ root: at("root"), scratch: at("control"), asRoot, signal, pending: new Set(debs.more) },
      ...{ excludePaths: content.excludePaths, dpkgOptions: content.dpkgOptions },
    });
    await setUpSystem(at("root"), { user, asRoot, sources: debs.sources, signal });
  });

  const kernel = await withPhase("Make the kernel, the initrd and the guest's own files", { onEvent }, () =>
    makeBootFiles(arch, { ...context, kernelPackage: debs.kernel, asRoot }),
  );

  await withPhase("Make the disk", { onEvent }, () =>
    makeRootDisk(at("disk"), {
      ...{ root: at("root"), asRoot, size: diskSize, label, signal },
      grubConfig: arch.pc === true ? grubConfigOf(commandLine) : undefined,
    }),
  );
  const result: RecipeResult = {
    disk: at("disk.qcow2"),
    virtualSize: diskSize,
    readyMarker: true,
    ...(snapshotPoints && { snapshotPoints: [...snapshotPoints] }),
    rootShellPort: true,
    directBoot: { kernel, initrd: at("initrd"), commandLine },
  };
  if (debs.more.length > 0) {
    const configured = { ...result, disk: at("configured.qcow2") };
    const limit = { onEvent, signal, limitSeconds: configureLimit };
    await withPhase("Configure the packages, in the guest itself", limit, async (phase) => {
      const pack = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", at("disk"), configured.disk] as const;
      await run(pack, { signal: phase.signal });
      await configurePackages(configured, {
        ...{ ...context, guestArch, signal: phase.signal, limitSeconds: configureLimit },
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

interface BootFilesOptions extends MakeContext {
  /** Absolute path of the kernel's package. */
  readonly kernelPackage: string;
  readonly asRoot: readonly string[];
}

/** Makes the initrd, and puts it and the guest's own files in the root directory. @returns the kernel's path. */
async function makeBootFiles(arch: UnpackedArch, options: BootFilesOptions): Promise<string> {
  const { release, directory, parameters, publicKey, kernelPackage, asRoot, signal } = options;
  const { user } = parameters;
  const at = (name: string): string => join(directory, name);
  await symlink("usr/lib", at("kernel/lib"));
  await run(["dpkg-deb", "-x", kernelPackage, at("kernel")], { signal });
  const found = await findKernel(at("kernel"));
  const kernelModules = await findKernelModules(found.modules);
  await stripModules(kernelModules, arch, signal);
  const initrd = await makeInitrd({
    kernelModules,
    busybox: at("root/usr/bin/busybox"),
    label,
    modules: arch.modules,
    script: await arch.initrd(),
  });
  await writeFile(at("initrd"), initrd);
  await fillRoot(at("root"), {
    ...{ kernel: found, user, publicKey, asRoot, signal },
    ...{ files: await unpackedFiles(arch, { release, user }), links: guestLinks, busybox: guestBusybox },
    modules: content.guestModules,
    packedInitrd: await promisify(gzip)(initrd, { level: 9 }),
  });
  if (arch.pc !== true) return found.image;
  await unpackKernel(await readFile(found.image), { file: at("vmlinux"), signal });
  return at("vmlinux");
}

function download(
  { guestArch, kernelPackage }: UnpackedArch,
  { release, directory, parameters, onEvent, signal }: MakeContext,
): Promise<AptDownload> {
  return downloadPackages(join(directory, "apt"), {
    ...{ suite: release.suite, architecture: guestArch, kernelPackage },
    ...{ packages: [...content.packages, ...release.packages], more: extraPackages(parameters) },
    ...{ onEvent, signal },
  });
}

/**
 * Strips linker labels from the modules. On riscv64 these are 205,000 of ext4's 216,000 symbols. The guest's kernel would read them one by
 * one at each boot, which is a third of the time to the first login.
 */
async function stripModules(
  modules: KernelModules,
  { strip, modules: used }: UnpackedArch,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (strip === undefined) return;
  const names = [...Object.values(used).flat(), ...content.guestModules];
  const files = (await loadOrder(modules, names)).map(({ file }) => file);
  await run([strip, "--strip-unneeded", ...files], { signal });
}
