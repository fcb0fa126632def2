import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { run, sha256 } from "@ob/core";
import { makeAptRoot } from "../src/apt-root.ts";
import { asRootPrefix, prefixed } from "../src/as-root.ts";
import { xzPayload } from "../src/bzimage.ts";
import { fillRoot } from "../src/debian-root.ts";
import { assertTools } from "../src/host-tools.ts";
import { findKernelModules } from "../src/kernel-modules.ts";
import { makeInitrd } from "../src/initrd.ts";
import { inPhase } from "../src/progress.ts";
import { defineRecipe, type RecipeContext, type RecipeResult } from "../src/recipe.ts";
import { compressDisk, makeRootDisk } from "../src/root-disk.ts";
import { checkDebian } from "./check.ts";
import { guestBusybox, guestFiles, guestLinks, readGuest } from "./guest-files.ts";
import { findKernel } from "../src/kernel.ts";
import * as content from "./packages.ts";

const tools = [
  ...[
    "mmdebstrap",
    "dpkg-deb",
    "tar",
    "xz",
    "depmod",
    "ssh-keygen",
    "ssh",
    "sfdisk",
    "mke2fs",
    "grub-mkimage",
  ],
  ...["qemu-img", "qemu-system-x86_64"],
];
const label = "obuilder-root";
const virtualSize = 10 * 1024 ** 3;
/**
 * rodata=off: the kernel write-protects itself at a cost of 0.4 s under emulation, in a guest where all may be root.
 * no_timer_check: the kernel tries its timer for some ticks of the host's clock, and gives up on a host so busy that
 * QEMU gets no turn in that time ("IO-APIC + timer doesn't work!"). An emulated timer needs no such trial.
 */
const commandLine = "console=ttyS0 rodata=off no_timer_check";

const grubConfig = `set root=(hd0,msdos1)
linux /boot/vmlinuz ${commandLine}
initrd /boot/initrd
boot
`;

/** A small Debian 12 with apt, an SSH server and busybox as its init. */
export const debian12Amd64 = defineRecipe({
  name: "debian-12-amd64",
  guestOs: "linux",
  guestArch: "amd64",
  tools,
  fingerprint,
  make,
  check: checkDebian,
});

async function fingerprint(): Promise<string> {
  const files = [await guestFiles(), guestLinks, await readGuest("initrd-init")];
  // The revision stands for what the code does.
  return sha256(JSON.stringify({ revision: 2, content, files, label, virtualSize, grubConfig }));
}

async function make(context: RecipeContext): Promise<RecipeResult> {
  const { directory, publicKey, becomeRoot, onEvent, signal } = context;
  const at = (name: string): string => join(directory, name);
  const asRoot = asRootPrefix(at("owners"));
  await assertTools([...tools, ...asRoot.slice(0, 1)]);

  await inPhase("Install Debian 12 from the host's apt mirror", { onEvent }, () =>
    makeAptRoot(at("root.tar"), {
      ...{ suite: "bookworm", architecture: "amd64", becomeRoot, signal },
      ...{ include: content.packages, excludePaths: content.excludePaths, customize: content.customize },
      ...{ aptOptions: content.aptOptions, dpkgOptions: content.dpkgOptions },
    }),
  );

  const kernel = await inPhase(
    "Make the kernel, the initrd and the guest's own files",
    { onEvent },
    async () => {
      await Promise.all([mkdir(at("root")), mkdir(at("kernel")), writeFile(at("owners"), "")]);
      const unpack = ["tar", "-x", "-f", at("root.tar"), "-C", at("root"), "--exclude=./dev/*"] as const;
      await run(prefixed(asRoot, unpack), { signal });
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
      await writeFile(at("vmlinux.xz"), xzPayload(await readFile(found.image)));
      await run(["xz", "--decompress", "--keep", at("vmlinux.xz")], { signal });
      await rm(at(join("root", content.kernelArchive)));
      await fillRoot(at("root"), {
        ...{ kernel: found, publicKey, asRoot, signal },
        ...{ files: await guestFiles(), links: guestLinks, busybox: guestBusybox },
        modules: content.guestModules,
        packedInitrd: await promisify(gzip)(initrd, { level: 9 }),
      });
      return at("vmlinux");
    },
  );

  await inPhase("Make the disk", { onEvent }, () =>
    makeRootDisk(at("disk"), { root: at("root"), asRoot, size: virtualSize, label, grubConfig, signal }),
  );
  await inPhase("Compress the disk", { onEvent }, () =>
    compressDisk(at("disk"), { to: at("disk.qcow2"), signal }),
  );
  return {
    disk: at("disk.qcow2"),
    virtualSize,
    announcesReady: true,
    resumes: ["initrd", "ready"],
    directBoot: { kernel, initrd: at("initrd"), commandLine },
  };
}
