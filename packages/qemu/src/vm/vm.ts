import { rm } from "node:fs/promises";
import { abortReason, checkOptions, type Emit, isObError, ObError } from "@ob/core";
import { firmwareOptions, qemuArgv, type VmConfig } from "../argv/qemu-argv.ts";
import { assertFirmware } from "../machine/firmware.ts";
import { newMachineId } from "../machine/machine-id.ts";
import { limitConsoleLog } from "../process/console-log.ts";
import { type QemuProcess, spawnQemu } from "../process/qemu-process.ts";
import { QemuInstance } from "./qemu-instance.ts";
import { type Passt, startPasst } from "../network/passt.ts";
import { createRunDirectory, type RunDirectory } from "./run-directory.ts";

export interface StartOptions {
  /** Absolute path of the directory that gets the VM's run directory; see `RunDirectory`. */
  readonly stateDirectory: string;
  /** As `SpawnOptions.panic`. */
  readonly panic?: RegExp | undefined;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** As `SpawnOptions.consoleLog`; by default one in the run directory. */
  readonly consoleLog?: string | undefined;
  /** To resume a snapshot: open descriptors of its device state and of its memory. */
  readonly saved?: { readonly state: number; readonly memory: number } | undefined;
}

interface VmParts {
  readonly config: VmConfig;
  readonly directory: RunDirectory;
  readonly machineId: string;
  readonly panic: RegExp | undefined;
  readonly passt: Passt | undefined;
}

/**
 * A running VM. Disposing kills QEMU and removes its files on the host.
 */
export class Vm extends QemuInstance {
  readonly config: VmConfig;
  /** See `newMachineId`. */
  readonly id: string;
  readonly #directory: RunDirectory;
  readonly #passt: Passt | undefined;
  #hostPort = 0;

  private constructor(process: QemuProcess, { config, directory, machineId, panic, passt }: VmParts) {
    super(process, panic);
    this.config = config;
    this.id = machineId;
    this.#directory = directory;
    this.#passt = passt;
    if (passt && process.network) {
      passt.connect(process.network);
      void this.#watchNetwork(passt);
    }
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
    const { signal, emit, panic, saved } = options;
    await assertFirmware(config.machine, firmwareOptions(config));
    await using stack = new AsyncDisposableStack();
    const directory = stack.use(await createRunDirectory(options.stateDirectory));
    const { consoleLog = directory.consoleLog } = options;
    const machineId = newMachineId();
    const argv = qemuArgv(config, { consoleLog, machineId });
    const passt = await passtFor(config, options);
    if (passt) stack.use(passt);
    await rm(consoleLog, { force: true });
    emit({ type: "exec", argv });
    const files = saved && [saved.state, saved.memory];
    const qemu = await spawnQemu(argv, { files, network: passt !== undefined });
    const vm = stack.use(new Vm(qemu, { config, directory, machineId, panic, passt }));
    limitConsoleLog(vm.console, consoleLog);
    await directory.recordQemu(vm.pid);
    try {
      await vm.qmp.handshake(AbortSignal.any([signal, vm.failed]));
      if (passt) vm.#hostPort = passt.hostPort;
      else if (config.guestPort !== undefined) {
        vm.#hostPort = hostPort(await vm.qmp.human("info usernet", vm.failed), config.guestPort);
      }
    } catch (error) {
      throw signal.aborted ? abortReason(signal) : asBootFailure(await vm.explainFailure(error));
    }
    stack.move();
    return vm;
  }

  /** The port on 127.0.0.1 that leads to the guest's `VmConfig.guestPort`; 0 if there is none. */
  get hostPort(): number {
    return this.#hostPort;
  }

  async #watchNetwork(passt: Passt): Promise<void> {
    const cause = await passt.failed;
    const message = `The guest's network has failed: ${cause.message}`;
    this.failWith(new ObError("GUEST_LOST", message, { cause }));
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await this.#passt?.[Symbol.asyncDispose]();
    await this.#directory[Symbol.asyncDispose]();
  }
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

/** The host's port in a line such as `TCP[HOST_FORWARD]  11  127.0.0.1 42313  10.0.2.15  22  0  0`. */
function hostPort(usernet: string, guestPort: number): number {
  const line = new RegExp(
    String.raw`TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+${guestPort}\s`,
  );
  const port = line.exec(usernet)?.[1];
  if (port === undefined) {
    throw new ObError("BOOT_FAILED", `QEMU does not say which port leads to the guest:\n${usernet}`);
  }
  return Number(port);
}
