import { chmod, copyFile, link, mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { run } from "@ob/core";
import { withPrefix } from "../disk/fakeroot.ts";
import { findKernelModules, loadOrder } from "../linux/kernel-modules.ts";
import type { GuestFile } from "../linux/guest-file.ts";
import type { Kernel } from "../linux/kernel.ts";

export interface FillRootOptions {
  readonly kernel: Kernel;
  readonly packedInitrd: Uint8Array;
  /** Files in addition to Debian's. */
  readonly files: readonly GuestFile[];
  /** Symbolic links: path and target. */
  readonly links: readonly (readonly [path: string, target: string])[];
  /** Path in the guest of the busybox that init runs, where no package replaces it. */
  readonly busybox: string;
  /** Names of the kernel modules that the guest can load. The modules of the initrd are separate. */
  readonly modules: readonly string[];
  /** The login user. Its uid and gid are 1000. */
  readonly user: string;
  /** A line of `authorized_keys`. */
  readonly publicKey: string;
  /** See `fakerootPrefix`. */
  readonly asRoot: readonly string[];
  readonly signal: AbortSignal | undefined;
}

/** Adds kernel, boot scripts, SSH keys and the login user's home to an unpacked Debian. */
export async function fillRoot(root: string, options: FillRootOptions): Promise<void> {
  const { kernel, packedInitrd, user, publicKey, files, links, busybox, asRoot, signal } = options;
  const at = (path: string): string => join(root, path);

  await copyFile(kernel.image, at("boot/vmlinuz"));
  await writeFile(at("boot/initrd"), packedInitrd);
  await addModules(root, options);

  for (const { path, contents, mode } of files) {
    await mkdir(dirname(at(path)), { recursive: true });
    await rm(at(path), { force: true });
    await writeFile(at(path), contents);
    await chmod(at(path), mode);
  }
  // A hard link, not a copy: it uses no space, and stays when a package removes the original.
  await link(at("usr/bin/busybox"), at(busybox));
  for (const [path, target] of links) {
    await mkdir(dirname(at(path)), { recursive: true });
    await rm(at(path), { force: true });
    await symlink(target, at(path));
  }

  const ssh = await readdir(at("etc/ssh"));
  for (const name of ssh.filter((file) => file.startsWith("ssh_host_"))) await rm(at(join("etc/ssh", name)));
  const hostKey = at("etc/ssh/ssh_host_ed25519_key");
  await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "root@obuilder", "-f", hostKey], {
    signal,
  });

  const home = at(join("home", user));
  await mkdir(join(home, ".ssh"), { mode: 0o700 });
  await writeFile(join(home, ".ssh/authorized_keys"), `${publicKey}\n`, { mode: 0o600 });
  await run(withPrefix(asRoot, ["chown", "-R", "1000:1000", home]), { signal });
  // Without PAM, sshd treats "!" as a locked account and refuses keys too. "*" also means no password.
  await run(withPrefix(asRoot, ["sed", "-i", `s/^${user}:[^:]*:/${user}:*:/`, at("etc/shadow")]), { signal });
}

async function addModules(root: string, { kernel, modules, signal }: FillRootOptions): Promise<void> {
  const directory = join(root, "usr/lib/modules", kernel.version);
  for (const { file } of await loadOrder(await findKernelModules(kernel.modules), modules)) {
    const target = join(directory, relative(kernel.modules, file));
    await mkdir(dirname(target), { recursive: true });
    await copyFile(file, target);
  }
  for (const name of ["modules.builtin", "modules.builtin.modinfo", "modules.order"]) {
    await copyFile(join(kernel.modules, name), join(directory, name)).catch(() => undefined);
  }
  await run(["depmod", "--basedir", root, kernel.version], { signal });
}
