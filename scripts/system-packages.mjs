// The Debian packages that OBuilder and its default image need, and their installation.
import { existsSync, readdirSync } from "node:fs";
import { getuid } from "node:process";
import { call, mustCall, Stop, which } from "./environment.mjs";

const isRoot = getuid?.() === 0;

/** Each package: what shows that it is there, and what it is for. */
const needed = [
  { name: "qemu-system-x86", program: "qemu-system-x86_64", why: "runs the virtual machines" },
  { name: "qemu-utils", program: "qemu-img", why: "makes and joins their disks" },
  { name: "passt", program: "passt", why: "connects them with the network, but not with this host" },
  { name: "bubblewrap", program: "bwrap", why: "keeps them from the rest of this host" },
  { name: "e2fsprogs", program: "mke2fs", why: "makes file systems" },
  { name: "fdisk", program: "sfdisk", why: "makes partitions" },
  { name: "openssh-client", program: "ssh-keygen", why: "makes the store's key" },
  { name: "mmdebstrap", program: "mmdebstrap", why: "installs the default image's Debian" },
  {
    name: "debian-archive-keyring",
    file: "/usr/share/keyrings/debian-archive-keyring.gpg",
    why: "proves that Debian's packages are Debian's",
  },
  { name: "grub-common", program: "grub-mkimage", why: "makes the image's boot loader" },
  { name: "grub-pc-bin", file: "/usr/lib/grub/i386-pc/boot.img", why: "holds that boot loader" },
  { name: "kmod", program: "depmod", why: "lists the image's kernel modules" },
  { name: "xz-utils", program: "xz", why: "unpacks the image's kernel" },
  ...(isRoot
    ? []
    : [
        { name: "fakeroot", program: "fakeroot", why: "makes the image without root" },
        { name: "uidmap", program: "newuidmap", why: "installs the image's Debian without root" },
      ]),
];

/** Likewise what only the services of a cluster need. */
const neededForClusters = [
  {
    name: "redis-server",
    program: "redis-server",
    why: "is where a cluster keeps its queues",
    starts: "redis-server",
  },
  {
    name: "docker-registry",
    program: "docker-registry",
    why: "is a registry",
    starts: "docker-registry",
  },
  { name: "openssl", program: "openssl", why: "makes certificates" },
  { name: "apache2-utils", program: "htpasswd", why: "makes logins for registries" },
];

/** Likewise what only the tests need: those in virtual machines, and those of recipes that cannot be built here. */
const neededForTests = [
  { name: "gcc", program: "cc", why: "compiles what makes faults in the campaigns" },
  { name: "libc6-dev", file: "/usr/include/dlfcn.h", why: "is the C library's part of that" },
  { name: "faketime", program: "faketime", why: "sets the clock of commands back and forth" },
  { name: "shellcheck", program: "shellcheck", why: "checks the scripts that run in guests" },
  { name: "xorriso", program: "xorriso", why: "makes CD-ROM images for installers and copies" },
  { name: "signify-openbsd", program: "signify-openbsd", why: "verifies OpenBSD's lists of checksums" },
  { name: "gpgv", program: "gpgv", why: "verifies Ubuntu's lists of checksums" },
  { name: "gpg", program: "gpg", why: "signs lists for the tests of that" },
  { name: "iproute2", program: "ip", why: "makes networks for installers and for a second machine" },
  {
    name: "ipxe-qemu",
    file: "/usr/lib/ipxe/qemu/pxe-virtio.rom",
    why: "starts virtual machines over the network",
  },
  { name: "qemu-system-misc", program: "qemu-system-riscv64", why: "runs riscv64 machines" },
  {
    name: "opensbi",
    file: "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.bin",
    why: "is their firmware",
  },
  {
    name: "u-boot-qemu",
    file: "/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf",
    why: "is their boot loader",
  },
  {
    name: "binutils-riscv64-linux-gnu",
    program: "riscv64-linux-gnu-strip",
    why: "makes their kernel modules small",
  },
  { name: "skopeo", program: "skopeo", why: "copies what was pushed, as others do" },
  { name: "mksh", program: "mksh", why: "reads the guests' scripts as OpenBSD's shell does" },
  { name: "tcsh", program: "tcsh", why: "is a login shell with rules of its own" },
  { name: "csh", program: "bsd-csh", why: "is the BSDs' csh, a login shell" },
  { name: "fish", program: "fish", why: "is a login shell with rules of its own" },
  { name: "rc", file: "/usr/bin/rc", why: "is a login shell with rules of its own" },
  { name: "zsh", program: "zsh", why: "is a login shell" },
  { name: "busybox", program: "busybox", why: "has the tar of small guests" },
  { name: "tmux", program: "tmux", why: "simulates a terminal" },
  { name: "openssh-server", program: "sshd", why: "is the way to Wine's cmd", starts: "ssh" },
  { name: "wine", program: "wine", why: "runs Windows' cmd" },
  { name: "wine64", file: "/usr/lib/wine/wine64", why: "runs Windows' cmd" },
];

/** Likewise what only `npm run verify` needs. */
const neededForVerify = [
  { name: "qemu-system-arm", program: "qemu-system-aarch64", why: "runs arm64 and armhf machines" },
  { name: "qemu-system-ppc", program: "qemu-system-ppc64", why: "runs ppc64el machines" },
];

export const systemPackages = [...needed, ...neededForClusters, ...neededForTests, ...neededForVerify];

/** Installs what is missing. Says nothing when nothing is. */
export function installSystemPackages({
  forVerify = false,
  forTests = forVerify,
  forClusters = forTests,
} = {}) {
  const wanted = [
    ...needed,
    ...(forClusters ? neededForClusters : []),
    ...(forTests ? neededForTests : []),
    ...(forVerify ? neededForVerify : []),
  ];
  const missing = findMissing(wanted);
  if (missing.length === 0) return;
  console.log("These Debian packages are missing:");
  for (const { name, why } of missing) console.log(`  ${name.padEnd(23)} ${why}`);
  const names = missing.map(({ name }) => name);
  // What the tests start themselves must not run, or come with the machine, because of them.
  const services = missing.flatMap(({ starts }) => starts ?? []);
  const install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", ...names];
  const sudoPrefix = findSudoPrefix(install);
  console.log(
    sudoPrefix.length === 0 ? "Installing them." : `Installing them needs root: sudo ${install.join(" ")}`,
  );

  if (!hasPackageLists()) apt(sudoPrefix, ["apt-get", "update", "-qq"]);
  withoutStarting(services, sudoPrefix, () => {
    // Lists that are there may be too old to fetch what they name.
    if (apt(sudoPrefix, install) === 0) return;
    apt(sudoPrefix, ["apt-get", "update", "-qq"]);
    const [program, ...args] = command(sudoPrefix, install);
    mustCall(program, args, { what: "Installing the packages" });
  });
  const still = findMissing(wanted).map(({ name }) => name);
  if (still.length > 0)
    throw new Stop(`apt-get installed what it should, but still missing: ${still.join(", ")}`);
}

/** Debian's packages ask this program whether they may start what they have installed. */
const policy = "/usr/sbin/policy-rc.d";

function withoutStarting(services, sudoPrefix, install) {
  const isLeft = services.length === 0 || existsSync(policy);
  const asRoot = (...words) => call(...split([...sudoPrefix, ...words]), { stdio: "ignore" });
  if (!isLeft) asRoot("sh", "-c", `printf '#!/bin/sh\\nexit 101\\n' >${policy} && chmod 755 ${policy}`);
  try {
    install();
  } finally {
    if (!isLeft) asRoot("rm", "-f", policy);
    if (which("systemctl"))
      for (const service of services) asRoot("systemctl", "disable", "--quiet", service);
  }
}

function split([program, ...args]) {
  return [program, args];
}

function findMissing(wanted) {
  return wanted.filter(({ program, file }) => (program ? !which(program) : !existsSync(file)));
}

function findSudoPrefix(install) {
  if (!which("apt-get")) {
    throw new Stop(
      "This is not Debian or Ubuntu: there is no apt-get. Install the programs of these packages by other means.",
    );
  }
  if (isRoot) return [];
  if (which("sudo")) return ["sudo"];
  throw new Stop(`There is no sudo. As root, run:\n  ${install.join(" ")}\nand try again.`);
}

function hasPackageLists() {
  try {
    return readdirSync("/var/lib/apt/lists").some((name) => /_Packages(\.\w+)?$/.test(name));
  } catch {
    return false;
  }
}

function command(sudoPrefix, words) {
  // sudo drops the environment, so env sets it again.
  return [...sudoPrefix, "env", "DEBIAN_FRONTEND=noninteractive", "DEBCONF_NOWARNINGS=yes", ...words];
}

function apt(sudoPrefix, words) {
  const [program, ...args] = command(sudoPrefix, words);
  return call(program, args, { stdio: ["inherit", "ignore", "inherit"] });
}
