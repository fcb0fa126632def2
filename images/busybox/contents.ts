import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { GuestFile } from "@ob/images/toolkit";
import { readGuest } from "../debian/guest-files.ts";

/** Debian packages with the guest's programs and their libraries. */
export const packages = ["bash", "busybox-static", "dropbear-bin", "libc6", "tar", "util-linux"] as const;
/** The kernel for VMs only: ext4 is built in, and it boots faster than the generic kernel. */
export const kernelPackage = "linux-image-cloud-amd64";

/** Of util-linux only the program for `(user …)` is needed; busybox has the rest. */
export const excludePaths = [
  "/usr/share/*",
  "/usr/lib/systemd/*",
  "/usr/lib/x86_64-linux-gnu/gconv/*",
] as const;

/** Programs of packages that replace busybox's applets. All other programs are removed in favour of busybox. */
export const kept: readonly string[] = [
  ...["bash", "busybox", "dbclient", "dropbearkey", "getent", "ldd", "setpriv", "tar"],
];

/** Kernel modules by use, with the keys of the Debian images' initrd. This kernel supports VMs only. */
export const modules = {
  EXT4: ["ext4"],
  VIRTIO: ["virtio_pci"],
  VIRTIO_BLK: ["virtio_blk"],
  VIRTIO_SCSI: [],
  VIRTIO_NET: ["virtio_net"],
  VIRTIO_RNG: ["virtio_rng"],
  VIRTIO_CONSOLE: [],
  ATA_PIIX: [],
  AHCI: [],
  E1000: [],
  E1000E: [],
  BUTTON: ["evdev", "button"],
} as const satisfies Record<string, readonly string[]>;

const home = "usr/local/lib/obuilder";

/** Symbolic links: path and target. */
export const links: readonly (readonly [path: string, target: string])[] = [
  [`${home}/init`, "busybox"],
  ["etc/mtab", "/proc/self/mounts"],
  ["usr/local/sbin/halt", `/${home}/power-off`],
  ["usr/local/sbin/poweroff", `/${home}/power-off`],
  ["usr/local/sbin/reboot", `/${home}/power-off`],
];

/** The guest's files in addition to the packages'. "*" means no password, but does not lock the account. */
export async function guestFiles(): Promise<readonly GuestFile[]> {
  const start = await readFile(fileURLToPath(import.meta.resolve("#busybox/start")), "utf8");
  const text = (path: string, contents: string): GuestFile => ({ path, contents, mode: 0o644 });
  const script = async (name: string, path: string): Promise<GuestFile> => ({
    path,
    contents: await readGuest(name),
    mode: 0o755,
  });
  return [
    text("etc/hostname", "obuilder\n"),
    text("etc/hosts", "127.0.0.1 localhost obuilder\n::1 localhost obuilder\n"),
    text("etc/resolv.conf", "nameserver 10.0.2.3\n"),
    text("etc/passwd", "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n"),
    text("etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"),
    { path: "etc/shadow", contents: "root:*:20000:0:99999:7:::\n", mode: 0o600 },
    text("etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"),
    text("etc/shells", "/bin/sh\n/bin/bash\n"),
    text("etc/profile", "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"),
    text("etc/inittab", await readGuest("inittab")),
    { path: `${home}/start`, contents: start, mode: 0o755 },
    await script("power-off", `${home}/power-off`),
    await script("power-button", `${home}/acpi/PWRF/00000080`),
  ];
}
