import { statfs } from "node:fs/promises";
import { connect } from "node:net";
import { basename } from "node:path";
import type { Duplex } from "node:stream";
import { abortReason, checkOptions, type Emit, isObError, ObError } from "@ob/core";
import { firmwareOptions, qemuArgv, type VmConfig } from "../argv/qemu-argv.ts";
import type { VmCgroup } from "../cgroup/vm-cgroup.ts";
import { Confinement, type VmConfinement } from "../confinement/confinement.ts";
import { makeSocketPlace, type SocketPlace } from "../confinement/socket-place.ts";
import { grantMemory, showDisks, type ShownDisk, showFilesOf } from "../confinement/vm-files.ts";
import { assertFirmware } from "../machine/firmware.ts";
import { newMachineId } from "../machine/machine-id.ts";
import { emptyConsoleLog, limitConsoleLog } from "../process/console-log.ts";
import { type QemuProcess, spawnQemu } from "../process/qemu-process.ts";
import { QemuInstance } from "./qemu-instance.ts";
import { GuestLink } from "../network/link/guest-link.ts";
import { type Passt, startPasst } from "../network/passt.ts";
import { guestAnswers } from "./guest-answers.ts";
import { hostPort } from "./host-port.ts";
import { createRunDirectory, type RunDirectory } from "./run-directory.ts";
import { type WatchedPort, watchedPort } from "./watched-port.ts";

export interface StartOptions {
  /** Absolute path of the directory that gets the VM's run directory; see `RunDirectory`. */
  readonly stateDirectory: string;
  /** As `SpawnOptions.panic`. */
  readonly panic?: RegExp | undefined;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** As `SpawnOptions.consoleLog`; by default one in the run directory. */
  readonly consoleLog?: string | undefined;
  /** How QEMU is confined; by default `auto`. */
  readonly confinement?: Confinement | undefined;
  /** Absolute paths of qcow2 disks that the VM gets later: a disk of another file system can only be given to it by this. */
  readonly laterDisks?: readonly string[] | undefined;
  /**
   * What the client of `VmConfig.guestPort` says first on a connection, to which the guest answers: by that a lost connection is told
   * from a lost guest. By default that is not tried.
   */
  readonly greeting?: string | undefined;
  /** To resume a snapshot: open descriptors of its device state and of its memory. */
  readonly saved?: { readonly state: number; readonly memory: number } | undefined;
}

interface VmParts {
  readonly config: VmConfig;
  readonly directory: RunDirectory;
  readonly machineId: string;
  readonly panic: RegExp | undefined;
  readonly greeting: string | undefined;
  readonly passt: Passt | undefined;
  readonly confined: VmConfinement;
  readonly cgroup: VmCgroup | undefined;
}

/**
 * A running VM. Disposing kills QEMU and removes its files on the host.
 */
export class Vm extends QemuInstance {
  readonly config: VmConfig;
  /** See `newMachineId`. */
  readonly id: string;
  /** Set with `VmConfig.rootShellPort`. */
  readonly rootShellPort: WatchedPort | undefined;
  readonly #directory: RunDirectory;
  readonly #passt: Passt | undefined;
  readonly #confined: VmConfinement;
  readonly #cgroup: VmCgroup | undefined;
  readonly #greeting: string | undefined;
  readonly #link: GuestLink | undefined;
  /** The port on 127.0.0.1 that leads to the guest's `VmConfig.guestPort`, if it has a network of the host; else 0. */
  #hostPort = 0;

  private constructor(
    process: QemuProcess,
    { config, directory, machineId, panic, greeting, passt, confined, cgroup }: VmParts,
  ) {
    super(process, panic);
    this.config = config;
    this.id = machineId;
    this.#directory = directory;
    this.#passt = passt;
    this.#confined = confined;
    this.#cgroup = cgroup;
    this.#greeting = greeting;
    this.rootShellPort = process.rootShellPort && watchedPort(process.rootShellPort, this);
    if (!process.network) return;
    if (passt) passt.connect(process.network);
    else this.#link = new GuestLink(process.network);
    void this.#watchNetwork(passt ?? this.#link);
  }

  /**
   * Starts QEMU and waits until its monitor answers.
   *
   * @throws ObError `MISSING_TOOL`; `TOOL_FAILED` if passt does not start; `UNSUPPORTED` for disks that the machine does not take; `BOOT_FAILED` with QEMU's own
   *   message; the signal's reason.
   */
  static async start(config: VmConfig, options: StartOptions): Promise<Vm> {
    checkOptions("Vm.start: config", config, { machine: "object", rootDisk: "string", disks: "array" });
    checkOptions("Vm.start", options, { stateDirectory: "string", signal: "object", emit: "function" });
    const { signal, emit, panic, greeting, saved } = options;
    await assertFirmware(config.machine, firmwareOptions(config));
    await using stack = new AsyncDisposableStack();
    const directory = stack.use(await createRunDirectory(options.stateDirectory));
    const { consoleLog = directory.consoleLog } = options;
    const machineId = newMachineId();
    const argv = qemuArgv(config, { consoleLog, machineId });
    const passt = await passtFor(config, options);
    if (passt) stack.use(passt);
    await emptyConsoleLog(consoleLog);
    const confined = await confine(config, { ...options, directory: directory.path, consoleLog });
    stack.defer(() => confined.view?.close());
    const cgroup = await cgroupFor(config, { ...options, directory: directory.path });
    if (cgroup) stack.use(cgroup);
    if (saved) grantMemory(confined, saved.memory);
    emit({ type: "exec", argv });
    const qemu = await spawnQemu(argv, {
      files: saved && [saved.state, saved.memory],
      network: config.network !== "slirp",
      rootShellPort: config.rootShellPort,
      startedBy: cgroup?.command,
      confinedBy: confined.command(),
    });
    const parts = { config, directory, machineId, panic, greeting, passt, confined, cgroup };
    const vm = stack.use(new Vm(qemu, parts));
    limitConsoleLog(vm.console, consoleLog);
    await directory.recordQemu(vm.pid, cgroup?.directory);
    try {
      await vm.qmp.handshake(AbortSignal.any([signal, vm.failed]));
      if (passt) vm.#hostPort = passt.hostPort;
      else if (config.network === "slirp" && config.guestPort !== undefined) {
        vm.#hostPort = hostPort(await vm.qmp.human("info usernet", vm.failed), config.guestPort);
      }
    } catch (error) {
      throw signal.aborted ? abortReason(signal) : asBootFailure(await vm.explainFailure(error));
    }
    stack.move();
    return vm;
  }

  /**
   * True if the guest has no network but the link with this process: what answers there runs in this VM, and cannot be another machine that
   * the guest has connected to.
   */
  get hasOwnLink(): boolean {
    return this.#link !== undefined;
  }

  /** A new connection to the guest's `VmConfig.guestPort`: it may last until the guest takes it, or be closed before. */
  connect(): Duplex {
    const { guestPort } = this.config;
    if (guestPort === undefined) throw new TypeError("nothing leads to this guest");
    if (this.#link) return this.#link.connect(guestPort);
    return connect({ host: "127.0.0.1", port: this.#hostPort, noDelay: true });
  }

  /**
   * Lets QEMU open a disk and the files below it: to be called before QEMU is told to.
   *
   * @throws ObError `TOOL_FAILED` for a disk that cannot be shown to a QEMU that runs; see `ConfinementOptions.diskDirectories`.
   */
  async showDisk(disk: ShownDisk): Promise<void> {
    await showDisks(this.#confined.view, [disk]);
  }

  /** QEMU has closed a disk: from now on it cannot open it. */
  hideDisk(file: string): void {
    this.#confined.view?.hide(file);
  }

  /** A place for one unix socket that QEMU can connect to. */
  async makeSocketPlace(): Promise<SocketPlace> {
    return await makeSocketPlace(this.#confined.view);
  }

  protected override async guestRunsOn(signal: AbortSignal): Promise<boolean> {
    const greeting = this.#greeting;
    if (greeting === undefined) return await super.guestRunsOn(signal);
    return await guestAnswers(() => this.connect(), { greeting, signal });
  }

  async #watchNetwork(network: Pick<Passt, "failed"> | undefined): Promise<void> {
    const cause = await network?.failed;
    if (!cause) return;
    const message = `The guest's network has failed: ${cause.message}`;
    this.failWith(new ObError("GUEST_LOST", message, { cause }));
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    this.#link?.[Symbol.dispose]();
    this.#confined.view?.close();
    await this.#cgroup?.[Symbol.asyncDispose]();
    await this.#passt?.[Symbol.asyncDispose]();
    await this.#directory[Symbol.asyncDispose]();
  }
}

async function cgroupFor(
  { memoryMib, cpus, accelerator }: VmConfig,
  { confinement, directory, emit }: StartOptions & { readonly directory: string },
): Promise<VmCgroup | undefined> {
  const disksInMemory = (await statfs(directory)).type === tmpfs;
  const size = { memoryMib, cpus, emulated: accelerator === "tcg", disksInMemory };
  return await confinement?.cgroupFor(basename(directory), size, emit);
}

/** The type of file systems in memory, in `statfs`. */
const tmpfs = 0x01_02_19_94;

type ConfineOptions = StartOptions & { readonly directory: string; readonly consoleLog: string };

async function confine(config: VmConfig, options: ConfineOptions): Promise<VmConfinement> {
  const { stateDirectory, directory, consoleLog, laterDisks, emit } = options;
  const { confinement = new Confinement({ choice: "auto", stateDirectory }) } = options;
  const confined = await confinement.forVm(
    {
      directory,
      program: config.machine.binary,
      hostNetwork: config.network === "slirp",
      kvm: config.accelerator === "kvm",
    },
    emit,
  );
  confined.view?.show({ path: consoleLog, access: "write" });
  await showFilesOf(config, { view: confined.view, laterDisks });
  return confined;
}

async function passtFor(
  { network, guestPort, hostLoopback = false }: VmConfig,
  { signal, emit }: Pick<StartOptions, "signal" | "emit">,
): Promise<Passt | undefined> {
  return network === "passt" ? await startPasst({ guestPort, hostLoopback, signal, emit }) : undefined;
}

/** A guest that is lost before it is ready has failed to boot. */
export function asBootFailure(error: unknown): unknown {
  if (!isObError(error, "GUEST_LOST")) return error;
  return new ObError("BOOT_FAILED", `The guest did not start. ${error.message}`, { cause: error });
}
