import type { VmUser } from "./vm-user.ts";

/** A file or directory of the host that a confined process sees. */
export interface Bind {
  readonly kind: "read" | "write" | "device";
  /** Absolute path on the host. */
  readonly source: string;
  /** Absolute path where the process sees it. */
  readonly target: string;
}

export interface BwrapOptions {
  /** Path of bwrap. */
  readonly bwrap: string;
  /** Absolute path of the directory that the process sees as `/`, read-only. */
  readonly root: string;
  /** What it sees besides; a later one covers an earlier one. */
  readonly binds: readonly Bind[];
  /** True if it keeps the network of the host. */
  readonly hostNetwork: boolean;
  readonly privileges: Privileges;
}

/** How the process gives up the privileges of its caller. */
export type Privileges =
  /** Root's, for a user of its own; `groups` are its other groups. */
  | {
      readonly kind: "user";
      readonly user: VmUser;
      readonly groups: readonly number[];
      readonly setpriv: string;
    }
  /** Root's capabilities only, except for `kept`. */
  | { readonly kind: "capabilities"; readonly setpriv: string; readonly kept?: readonly string[] }
  /** The caller has none: namespaces need a user namespace. */
  | { readonly kind: "none" };

/** What QEMU needs of the host's system, if it is there: programs, libraries, firmware and where they are found. */
const systemDirectories = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
const systemFiles = ["/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"];
const devices = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/** Whether a program is in the directories that a confined process sees. */
export function isInSystem(program: string): boolean {
  return systemDirectories.some((directory) => program.startsWith(`${directory}/`));
}

/**
 * The command of a confined process, which has namespaces of its own: the caller appends the program and its arguments.
 *
 * It ends with its starter: bwrap does, then process 1 of the PID namespace, which bwrap has put between itself and the program,
 * and with that the kernel kills all in the namespace. bwrap itself could not send a signal to a program of another user.
 */
export function bwrapCommand(options: BwrapOptions): readonly [string, ...string[]] {
  const { bwrap, root, binds, hostNetwork, privileges } = options;
  const unshared = ["ipc", "pid", "uts"].map((namespace) => `--unshare-${namespace}`);
  return [
    bwrap,
    ...["--die-with-parent", ...unshared, "--unshare-cgroup-try"],
    ...(hostNetwork ? [] : ["--unshare-net"]),
    // Below a user namespace in which the caller is root, bwrap would keep that namespace's capabilities.
    ...(privileges.kind === "none" ? ["--unshare-user", "--cap-drop", "ALL"] : []),
    ...["--bind", root, "/"],
    ...systemDirectories.flatMap((directory) => ["--ro-bind-try", directory, directory]),
    ...systemFiles.flatMap((file) => ["--ro-bind-try", file, file]),
    // slirp passes the guest's questions on to the host's name server.
    ...(hostNetwork ? ["--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf"] : []),
    ...["--proc", "/proc", "--tmpfs", "/dev"],
    ...devices.flatMap((device) => ["--dev-bind", device, device]),
    ...binds.flatMap(({ kind, source, target }) => [flags[kind], source, target]),
    ...["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/", "--"],
    ...privilegeArgs(privileges),
  ];
}

const flags: Readonly<Record<Bind["kind"], string>> = {
  read: "--ro-bind",
  write: "--bind",
  device: "--dev-bind",
};

function privilegeArgs(privileges: Privileges): readonly string[] {
  if (privileges.kind === "none") return [];
  const { setpriv } = privileges;
  const none = ["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"];
  if (privileges.kind === "capabilities") {
    const { kept = [] } = privileges;
    const bounding = ["-all", ...kept.map((name) => `+${name}`)].join();
    return [setpriv, "--no-new-privs", "--inh-caps=-all", `--bounding-set=${bounding}`, "--"];
  }
  const { user, groups } = privileges;
  const ids = [
    "--reuid",
    `${user.id}`,
    "--regid",
    `${user.id}`,
    "--groups",
    [user.readers, ...groups].join(),
  ];
  return [setpriv, ...ids, ...none, "--"];
}
