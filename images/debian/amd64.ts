import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { run, sha256 } from "@ob/core";
import {
  assertTools,
  compressDisk,
  defineRecipe,
  fakerootPrefix,
  fillRoot,
  findKernel,
  findKernelModules,
  makeAptRoot,
  makeInitrd,
  makeRootDisk,
  type Recipe,
  type RecipeContext,
  type RecipeResult,
  unpackKernel,
  withPhase,
  withPrefix,
} from "@ob/images/toolkit";
import { checkByDisk } from "./check-by-disk.ts";
import { grubConfigOf } from "./grub.ts";
import { guestBusybox, readGuest } from "./guest-files.ts";
import { type Init, packagesOf } from "./inits.ts";
import * as content from "./packages.ts";
import type { Release } from "./releases.ts";
import { debianExpectations, debianSupports, extraPackages } from "./supports.ts";

const tools = [
  ...["mmdebstrap", "dpkg-deb", "tar", "xz", "depmod", "ssh-keygen", "sfdisk", "mke2fs"],
  ...["grub-mkimage", "qemu-img", "qemu-system-x86_64"],
];
const label = "obuilder-root";
/** Time limit of the installation in seconds. A slower one has a mirror that no longer answers. */
const installLimit = 3_600;
/**
 * rodata=off: write-protecting the kernel costs 0.4 s under TCG, and in this guest everyone may become root.
 *
 * no_timer_check: the kernel tests its timer for some ticks of the host's clock, and panics ("IO-APIC + timer doesn't
 * work!") on a host so busy that QEMU is not scheduled in that time. An emulated timer does not need the test.
 */
const commonCommandLine = "console=ttyS0 rodata=off no_timer_check";

function commandLineOf(init: Init): string {
  return [commonCommandLine, ...init.commandLine].join(" ");
}

/** A small Debian with apt, an SSH server and one of the inits. */
export function debianAmd64(release: Release, init: Init): Recipe {
  const { version } = release;
  return defineRecipe({
    name: `debian-${version}-amd64${init.suffix}`,
    summary: `Debian ${version} ${init.summary}`,
    guestOs: "linux",
    guestArch: "amd64",
    supports: debianSupports(release),
    tools,
    fingerprint: async ({ user }) => {
      const options = { release, user, powerButton: true };
      const files = [await init.files(options), init.links, await readGuest("initrd-init")];
      // The revision stands for the recipe's code; increment it when the code changes the image.
      const script = content.customize(user);
      const grubConfig = grubConfigOf(commandLineOf(init));
      const { additions } = init;
      return sha256(
        JSON.stringify({ revision: 5, release, content, script, files, label, grubConfig, additions }),
      );
    },
    make: (context) => make(release, { init, ...context }),
    expectations: (parameters) => debianExpectations(parameters) + init.expectations,
    check: checkByDisk,
  });
}

interface MakeContext extends RecipeContext {
  readonly init: Init;
}

interface BootFilesOptions extends MakeContext {
  readonly asRoot: readonly string[];
}

async function make(release: Release, context: MakeContext): Promise<RecipeResult> {
  const { init, directory, parameters, onEvent, signal } = context;
  const { diskSize } = parameters;
  const at = (name: string): string => join(directory, name);
  const asRoot = fakerootPrefix(at("owners"));
  await assertTools(asRoot.slice(0, 1));
  await install(release, context);

  await withPhase("Make the kernel, the initrd and the guest's own files", { onEvent }, () =>
    makeBootFiles(release, { ...context, asRoot }),
  );

  await withPhase("Make the disk", { onEvent }, () =>
    makeRootDisk(at("disk"), {
      root: at("root"),
      asRoot,
      size: diskSize,
      label,
      grubConfig: grubConfigOf(commandLineOf(init)),
      signal,
    }),
  );
  await withPhase("Compress the disk", { onEvent }, () =>
    compressDisk(at("disk"), { to: at("disk.qcow2"), signal }),
  );
  return {
    disk: at("disk.qcow2"),
    virtualSize: diskSize,
    readyMarker: true,
    snapshotPoints: ["initrd", "ready"],
    rootShellPort: true,
    directBoot: { kernel: at("vmlinux"), initrd: at("initrd"), commandLine: commandLineOf(init) },
  };
}

/** Makes the kernel and the initrd, and puts them and the guest's own files in the root directory. */
async function makeBootFiles(release: Release, { asRoot, ...context }: BootFilesOptions): Promise<void> {
  const { init, directory, parameters, publicKey, signal } = context;
  const { user } = parameters;
  const at = (name: string): string => join(directory, name);
  const files = [...(await init.files({ release, user, powerButton: true })), ...init.uniqueFiles()];
  await Promise.all([
    mkdir(at("root")),
    mkdir(at("kernel/usr/lib"), { recursive: true }),
    writeFile(at("owners"), ""),
  ]);
  await symlink("usr/lib", at("kernel/lib"));
  const unpack = ["tar", "-x", "-f", at("root.tar"), "-C", at("root"), "--exclude=./dev/*"] as const;
  await run(withPrefix(asRoot, unpack), { signal });
  await run(["dpkg-deb", "-x", at(join("root", content.kernelArchive)), at("kernel")], { signal });
  const found = await findKernel(at("kernel"));
  const initrd = await makeInitrd({
    kernelModules: await findKernelModules(found.modules),
    busybox: at("root/usr/bin/busybox"),
    label,
    modules: content.modules,
    script: await readGuest("initrd-init"),
  });
  await writeFile(at("initrd"), initrd);
  await unpackKernel(await readFile(found.image), { file: at("vmlinux"), signal });
  await rm(at(join("root", content.kernelArchive)));
  await fillRoot(at("root"), {
    ...{ kernel: found, user, publicKey, asRoot, signal },
    ...{ files, links: init.links, busybox: guestBusybox },
    modules: [...content.guestModules, ...(init.additions?.modules ?? [])],
    packedInitrd: await promisify(gzip)(initrd, { level: 9 }),
  });
}

async function install(release: Release, context: MakeContext): Promise<void> {
  const { directory, parameters, sudoPrefix, onEvent, signal } = context;
  const limit = { onEvent, signal, limitSeconds: installLimit };
  await withPhase(`Install Debian ${release.version} from the host's apt mirror`, limit, (phase) =>
    makeAptRoot(join(directory, "root.tar"), {
      ...{ suite: release.suite, architecture: "amd64", sudoPrefix, signal: phase.signal },
      include: includes(release, context),
      ...{ excludePaths: content.excludePaths, customize: content.customize(parameters.user) },
      ...{ aptOptions: content.aptOptions, dpkgOptions: content.dpkgOptions },
    }),
  );
}

function includes(release: Release, { init, parameters }: MakeContext): readonly string[] {
  return [...content.packages, ...packagesOf(release, init), ...extraPackages(parameters)];
}
