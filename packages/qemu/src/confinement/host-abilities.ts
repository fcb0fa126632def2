import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { getuid } from "node:process";
import { errorMessage, findProgram, run, tailLines } from "@ob/core";
import { createRunDirectory } from "../vm/run-directory.ts";
import { bwrapCommand, type Privileges } from "./bwrap-args.ts";
import { FileView } from "./file-view.ts";
import { type IdRange, newVmUser, vmIds, type VmUser } from "./vm-user.ts";

/** What holds for QEMU on this host. */
export interface ConfinementStatus {
  /** True if it sees its own files only, and has namespaces of its own. */
  readonly isolated: boolean;
  /** Who it runs as: a user of its own for each VM, the caller without root's capabilities, or just the caller. */
  readonly user: "own" | "root without capabilities" | "caller";
  /** Why not more; undefined if all holds. */
  readonly obstacle: string | undefined;
  /** Why it has no control group of its own; undefined if it has one. */
  readonly cgroupObstacle?: string | undefined;
}

/** What VMs are confined with. */
export interface Abilities {
  readonly bwrap: string;
  readonly setpriv: string;
  /** Undefined if QEMU keeps its caller's user. */
  readonly ids: IdRange | undefined;
}

export interface HostAbilities extends ConfinementStatus {
  /** Undefined if QEMU cannot be confined. */
  readonly abilities: Abilities | undefined;
}

/** How long a trial may take, in milliseconds: four on an idle machine. */
const trialTime = 30_000;

/** QEMU could not open its disks as another user then: they are in directories that only root may pass. */
const helpForRoot =
  "bubblewrap started by root needs CAP_SYS_ADMIN, and in a container a seccomp and AppArmor profile that permits mounts; " +
  "or let another user than root build";

export function isRoot(): boolean {
  return getuid?.() === 0;
}

/** How QEMU gives up what it does not need. @param groups by which its user may open a device. */
export function privilegesFor(
  { setpriv }: Abilities,
  user: VmUser | undefined,
  groups: readonly number[] = [],
): Privileges {
  if (user) return { kind: "user", user, groups, setpriv };
  return isRoot() ? { kind: "capabilities", setpriv } : { kind: "none" };
}

/** Finds out by trials in a state directory. Never rejects. */
export async function hostAbilities(stateDirectory: string): Promise<HostAbilities> {
  const nothing = (obstacle: string): HostAbilities => {
    return { isolated: false, user: "caller", obstacle, abilities: undefined };
  };
  if (process.platform !== "linux") return nothing("this is not Linux");
  const [bwrap, setpriv] = await Promise.all([findProgram("bwrap"), findProgram("setpriv")]);
  if (bwrap === undefined) {
    return nothing("bubblewrap is not installed (on Debian or Ubuntu: sudo apt-get install bubblewrap)");
  }
  if (setpriv === undefined) return nothing("setpriv of util-linux is not installed");
  const asCaller: Abilities = { bwrap, setpriv, ids: undefined };
  const ids = isRoot() ? await vmIds() : undefined;
  const failure = ids ? await tryOut({ ...asCaller, ids }, stateDirectory) : undefined;
  if (ids && failure === undefined) {
    return { isolated: true, user: "own", obstacle: undefined, abilities: { ...asCaller, ids } };
  }
  const impossible = await tryOut(asCaller, stateDirectory);
  if (impossible !== undefined) return nothing(isRoot() ? `${impossible} (${helpForRoot})` : impossible);
  if (!isRoot()) return { isolated: true, user: "caller", obstacle: undefined, abilities: asCaller };
  const obstacle = failure ?? "this container has too few user ids for users of VMs";
  return { isolated: true, user: "root without capabilities", obstacle, abilities: asCaller };
}

/** Reads a file as QEMU would. @returns why that does not work; undefined if it does. */
async function tryOut(abilities: Abilities, stateDirectory: string): Promise<string | undefined> {
  try {
    await using directory = await createRunDirectory(stateDirectory);
    const file = join(directory.path, "trial");
    await writeFile(file, "", { mode: 0o600 });
    const user = abilities.ids && newVmUser(abilities.ids);
    const view = new FileView({ directory: directory.path, writableDirectories: [], user });
    view.show({ path: file, access: "read" });
    const command = bwrapCommand({
      ...{ bwrap: abilities.bwrap, root: view.root, binds: view.start() },
      ...{ hostNetwork: false, privileges: privilegesFor(abilities, user) },
    });
    await run([...command, "head", "-c1", file], { timeoutMs: trialTime });
    return undefined;
  } catch (error) {
    return tailLines(errorMessage(error), 1);
  }
}
