import { realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Emit, errorMessage, findProgram } from "@ob/core";
import { findCgroup, type HostCgroup, openCgroup } from "../cgroup/host-cgroup.ts";
import { limitsFor, makeCgroup, type VmCgroup, type VmSize } from "../cgroup/vm-cgroup.ts";
import type { Machine } from "../machine/machine.ts";
import { QemuVersions } from "../process/qemu-version.ts";
import { bwrapCommand, isInSystem } from "./bwrap-args.ts";
import { FileView } from "./file-view.ts";
import {
  type ConfinementStatus,
  type HostAbilities,
  hostAbilities,
  isRoot,
  privilegesFor,
} from "./host-abilities.ts";
import { newVmUser } from "./vm-user.ts";

/** `auto`: QEMU gets as little as this host permits. `off`: it has the rights of its caller, and sees what that sees. */
export type ConfinementChoice = "auto" | "off";

export interface ConfinementOptions {
  readonly choice: ConfinementChoice;
  /** As `StartOptions.stateDirectory`: where it is tried once whether this host permits it. */
  readonly stateDirectory: string;
  /**
   * Absolute paths of the directories that hold the disks that guests write to. Disks elsewhere can be given to a VM when it is
   * started, but not later.
   */
  readonly diskDirectories?: readonly string[] | undefined;
}

export interface VmRequest {
  /** Absolute path of the VM's run directory. */
  readonly directory: string;
  /** QEMU's program. */
  readonly program: string;
  /** True if QEMU itself opens connections of the host. */
  readonly hostNetwork: boolean;
  /** True if it opens /dev/kvm. */
  readonly kvm: boolean;
}

interface Caller {
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** A confinement of one QEMU. */
export interface VmConfinement {
  /** Undefined if QEMU is not confined to its files. */
  readonly view: FileView | undefined;
  /** The command that QEMU's is appended to; to be asked for when all files of its start are in the view. */
  command(): readonly [string, ...string[]] | undefined;
  /** The group of all VMs, by which QEMU may open what they share; undefined if QEMU has no user of its own. */
  readonly group: number | undefined;
}

const unconfined: VmConfinement = { view: undefined, command: () => undefined, group: undefined };

/** How the VMs of one sandbox are confined: found for the first, by a trial, and then kept. */
export class Confinement {
  readonly versions: QemuVersions;
  readonly #options: ConfinementOptions;
  #found: Promise<HostAbilities> | undefined;
  #cgroup: Promise<HostCgroup> | undefined;
  #warned = false;

  constructor(options: ConfinementOptions) {
    this.#options = options;
    this.versions = new QemuVersions(options.stateDirectory);
  }

  /** What holds on this host. */
  async status(): Promise<ConfinementStatus> {
    const { isolated, user, obstacle } = await this.#find();
    const { obstacle: cgroupObstacle } = await findCgroup();
    return { isolated, user, obstacle, cgroupObstacle };
  }

  /** Finds out what this host permits, if it is not known yet: a VM that is started afterwards does not wait for it. Never rejects. */
  async findOut(): Promise<void> {
    if (this.#options.choice !== "off") await this.#find();
  }

  /** The confinement of a VM. Warns once if that of root's VMs is incomplete. */
  async forVm({ directory, program, hostNetwork, kvm }: VmRequest, emit: Emit): Promise<VmConfinement> {
    if (this.#options.choice === "off") return unconfined;
    const found = await this.#find();
    const elsewhere = await programObstacle(program);
    const { abilities } = found;
    if (!abilities || elsewhere !== undefined) {
      this.#warn(emit, elsewhere ?? found.obstacle ?? "");
      return unconfined;
    }
    const device = kvm ? await kvmAccess() : undefined;
    const mayHaveUser = device?.obstacle === undefined;
    if (!mayHaveUser || (isRoot() && abilities.ids === undefined)) {
      this.#warn(emit, device?.obstacle ?? found.obstacle ?? "");
    }
    const ids = mayHaveUser ? abilities.ids : undefined;
    const user = ids && newVmUser(ids);
    const { diskDirectories: writableDirectories = [] } = this.#options;
    const view = new FileView({ directory, writableDirectories, user });
    const privileges = privilegesFor(abilities, user, device?.groups);
    const kvmBind = { kind: "device", source: kvmDevice, target: kvmDevice } as const;
    return {
      view,
      group: user?.readers,
      command: () =>
        bwrapCommand({
          ...{ bwrap: abilities.bwrap, root: view.root, hostNetwork, privileges },
          binds: [...view.start(), ...(kvm ? [kvmBind] : [])],
        }),
    };
  }

  /**
   * The `VmConfig.removals` for a machine: a device that is not there has no flaws.
   *
   * @param needs `keyboard` is true for a guest that needs a keyboard controller.
   * @throws as `QemuVersions.of`.
   */
  async removals(
    { binary, removals: { unused, keyboard } }: Machine,
    needs: { readonly keyboard: boolean },
    caller: Caller,
  ): Promise<readonly string[]> {
    if (this.#options.choice === "off" || unused.length === 0) return [];
    await this.versions.of(binary, caller);
    return [...unused, ...(needs.keyboard ? [] : keyboard)];
  }

  async #find(): Promise<HostAbilities> {
    this.#found ??= hostAbilities(this.#options.stateDirectory);
    return await this.#found;
  }

  /**
   * A control group for a VM, where one was delegated to this process: no VM fails for want of one.
   *
   * @param name a name that no other VM has.
   */
  async cgroupFor(name: string, size: VmSize, emit: Emit): Promise<VmCgroup | undefined> {
    if (this.#options.choice === "off") return undefined;
    this.#cgroup ??= openCgroup();
    const { directory: parent } = await this.#cgroup;
    try {
      if (parent !== undefined) return await makeCgroup(join(parent, name), limitsFor(size));
    } catch (error) {
      emit({ type: "log", level: "info", text: `QEMU has no control group: ${errorMessage(error)}` });
    }
    return undefined;
  }

  /** Without root's rights it is how QEMU usually runs. */
  #warn(emit: Emit, why: string): void {
    if (this.#warned) return;
    this.#warned = true;
    const text = isRoot()
      ? `QEMU runs as root, with fewer walls around it than it could have: ${why}.`
      : `QEMU is not confined to its own files: ${why}.`;
    emit({ type: "log", level: isRoot() ? "warning" : "info", text });
  }
}

async function programObstacle(program: string): Promise<string | undefined> {
  const found = await findProgram(program);
  // That it is missing is said when it is started.
  const path = found === undefined ? undefined : await realpath(found);
  return path === undefined || isInSystem(path) ? undefined : `${path} is not in /usr`;
}

const kvmDevice = "/dev/kvm";

/** The groups by which a user of its own may open /dev/kvm, or why it may not. */
async function kvmAccess(): Promise<{ readonly groups: readonly number[]; readonly obstacle?: string }> {
  const { mode, gid } = await stat(kvmDevice);
  if ((mode & 0o006) === 0o006) return { groups: [] };
  if ((mode & 0o060) === 0o060 && gid !== 0) return { groups: [gid] };
  return {
    groups: [],
    obstacle: `only root can open ${kvmDevice} (chgrp kvm ${kvmDevice}; chmod 660 ${kvmDevice})`,
  };
}
