import {
  type CacheStore,
  type Emit,
  type GuestAccess,
  type GuestImage,
  isObError,
  type LayerId,
  ObError,
  type RunTask,
  type Sandbox,
  type SecretMount,
  type StepInfo,
  type StepSequence,
  throwIfCancelled,
} from "@ob/core";
import { type RunCache, fromBytes, type RunOp } from "@ob/spec";
import { type Context, resolveGuestPath } from "../context.ts";
import { opHeading } from "../op-label.ts";
import type { LayerJob } from "../sharing/single-flight.ts";
import { type RunInputs, runStepId } from "./step-id.ts";
import { cacheRequests, CacheLeases } from "./cache-leases.ts";

/** `(run ...)`: a command makes a layer. */
export interface RunStep {
  readonly info: StepInfo & { readonly op: "run" };
  readonly inputs: RunInputs;
  readonly caches: readonly RunCache[];
  readonly secrets: readonly SecretMount[];
}

/** What a step needs that runs in a guest. */
export interface StepDeps {
  readonly sandbox: Sandbox;
  readonly caches: CacheStore;
  readonly image: GuestImage;
  /** What runs the step; by default the sandbox, by itself. */
  readonly session?: StepSequence | undefined;
  /** See `SandboxStep.followed`. */
  readonly keepVm?: boolean | undefined;
  readonly emit: Emit;
  /** See `BuildOptions.onFailure`. */
  readonly onFailure?: ((failure: StepFailure) => Promise<void>) | undefined;
}

/** A step whose command has failed, while its guest is still there. */
export interface StepFailure {
  readonly step: StepInfo;
  readonly error: ObError;
  /** The guest as the command left it; what is run there has the step's user, directory and environment. */
  readonly guest: GuestAccess;
}

/** @throws ObError `BAD_SECRET` if a secret was not given: its value goes into the id. */
export function prepareRun(op: RunOp, context: Context, base: LayerId): RunStep {
  const { workdir, user, environment, shell, build } = context;
  const secrets = op.secrets.map(({ id, target }) => ({ target, contents: secretOf(context, id) }));
  const inputs: RunInputs = {
    base,
    workdir,
    user,
    environment,
    command: op.command,
    shell,
    network: op.network,
    secrets: secrets.map(({ target, contents }) => ({ target, value: fromBytes(contents) })),
  };
  return {
    info: { op: "run", id: runStepId(inputs), base, heading: opHeading(workdir, op), build },
    inputs,
    caches: op.caches,
    secrets: secrets.map(({ target, contents }) => ({ target: resolveGuestPath(workdir, target), contents })),
  };
}

/**
 * Runs the command on a new disk and commits it.
 *
 * @throws ObError what the store, the caches and the sandbox throw; `BAD_SPEC` if a cache cannot be shared as the spec
 *   says, `UNSUPPORTED` for a network that no guest has.
 */
export async function runInGuest(step: RunStep, making: LayerJob, tools: StepDeps): Promise<void> {
  const { writer: claim, signal, onOutput } = making;
  const { sandbox, session: sequence = sandbox, image, keepVm: followed, emit } = tools;
  const { base, workdir, user, environment, command, shell } = step.inputs;
  const network = networkOf(step.inputs.network);
  const requests =
    step.caches.length === 0 ? [] : cacheRequests(step.caches, sandbox.guest(image).cacheFileSystem);

  const disk = await claim.createDisk(base, signal);
  await using leases = new CacheLeases();
  await leases.acquire(requests, { caches: tools.caches, signal });
  const mounts = requests.map((request, index) =>
    leases.mount(request, resolveGuestPath(workdir, step.caches[index]?.target ?? "/")),
  );
  const { secrets } = step;
  const task: RunTask = {
    kind: "run",
    command,
    shell,
    workdir,
    user,
    environment,
    network,
    caches: mounts,
    secrets,
  };
  try {
    throwIfCancelled(signal);
    const onFailure = tools.onFailure && failureHandler(step.info, tools.onFailure);
    await sequence.run(
      { layer: claim.id, disk, image, task, keepVm: followed },
      { signal, emit, onOutput, onFailure },
    );
  } catch (error) {
    // A command that fails leaves its caches whole, and what it has fetched serves the next try.
    if (isObError(error, "STEP_FAILED")) await leases.release(emit);
    throw error;
  }
  await leases.release(emit);
  await claim.commit();
}

function failureHandler(step: StepInfo, onFailure: NonNullable<StepDeps["onFailure"]>) {
  return async (error: ObError, guest: GuestAccess) => await onFailure({ step, error, guest });
}

function secretOf(context: Context, id: string): Uint8Array {
  const contents = context.secrets.get(id);
  if (contents) return contents;
  throw new ObError("BAD_SECRET", `The secret ${JSON.stringify(id)} was not given.`);
}

function networkOf(names: readonly string[]): RunTask["network"] {
  const unknown = names.find((name) => name !== "host");
  if (unknown === undefined) return names.length === 0 ? "none" : "host";
  throw new ObError("UNSUPPORTED", `There is no network ${JSON.stringify(unknown)} for a virtual machine.`, {
    hint: "`(network host)` gives a step the host's network; without it a step has none.",
  });
}
