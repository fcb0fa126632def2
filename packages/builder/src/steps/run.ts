import {
  type GuestAccess,
  isObError,
  type LayerId,
  type LayerStep,
  ObError,
  type RunTask,
  type SecretMount,
  type StepInfo,
  throwIfCancelled,
} from "@ob/core";
import { type RunCache, fromBytes, type RunOp } from "@ob/spec";
import { type Context, resolveGuestPath } from "../context.ts";
import { runInSandbox } from "../limits/run-in-sandbox.ts";
import { opHeading } from "../op-label.ts";
import type { LayerBuild, LayerJob } from "../sharing/single-flight.ts";
import { createDiskOn } from "./lost-layers.ts";
import type { StepDeps } from "./step-deps.ts";
import { type RunInputs, runStepId } from "./step-id.ts";
import { cacheRequests, CacheLeases } from "./cache-leases.ts";

/** `(run ...)`: a command makes a layer. */
export interface RunStep {
  readonly kind: "run";
  readonly info: StepInfo & { readonly op: "run" };
  readonly inputs: RunInputs;
  readonly caches: readonly RunCache[];
  readonly secrets: readonly SecretMount[];
}

/** @throws ObError `BAD_SECRET` if a secret was not given: its value is part of the id. */
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
    mayRestart: op.mayRestart,
    secrets: secrets.map(({ target, contents }) => ({ target, value: fromBytes(contents) })),
  };
  return {
    kind: "run",
    info: {
      op: "run",
      id: runStepId(inputs),
      base,
      heading: opHeading(workdir, op),
      build,
      at: context.source?.locate(op),
    },
    inputs,
    caches: op.caches,
    secrets: secrets.map(({ target, contents }) => ({ target: resolveGuestPath(workdir, target), contents })),
  };
}

/**
 * The layer of a `run`: the command runs on a new disk, which is committed. Building it throws what the store, the caches
 * and the sandbox throw.
 */
export function runLayer(step: RunStep, deps: StepDeps): LayerBuild {
  return { id: step.info.id, emit: deps.emit, build: (job) => runInGuest(step, job, deps) };
}

async function runInGuest(
  step: RunStep,
  { writer, signal, onOutput }: LayerJob,
  deps: StepDeps,
): Promise<void> {
  const { sandbox, image, keepVm, isLast, emit } = deps;
  const { base, workdir, user, environment, command, shell, mayRestart } = step.inputs;
  const network = networkOf(step.inputs.network);
  const requests =
    step.caches.length === 0 ? [] : cacheRequests(step.caches, sandbox.guest(image).cacheFileSystem);

  const disk = await createDiskOn(base, { writer, signal }, deps);
  await using leases = new CacheLeases();
  await leases.acquire(requests, { caches: deps.caches, signal });
  const caches = requests.map((request, index) =>
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
    caches,
    secrets,
    mayRestart,
  };
  try {
    throwIfCancelled(signal);
    const onFailure = deps.onFailure && failureHandler(step.info, deps.onFailure);
    const target = { layer: writer.id, base, disk, image, task, keepVm, isLast };
    await runInSandbox(target, { signal, onOutput, onFailure }, deps);
  } catch (error) {
    // A command that fails leaves its caches intact, and what it has fetched serves the next try.
    if (isObError(error, "STEP_FAILED")) await leases.release(emit);
    throw error;
  }
  await leases.release(emit);
  await writer.commit(recordOf(step));
}

/** What the store keeps of the step. The values of secrets are part of its id, and stay out of this. */
function recordOf({ info: { op, heading }, inputs, caches }: RunStep): LayerStep {
  const { workdir, user, environment, command, shell, network, secrets, mayRestart = false } = inputs;
  return {
    op,
    heading,
    inputs: {
      ...{ workdir, user: user ?? null, environment, command, shell, network, mayRestart },
      secrets: secrets.map(({ target }) => ({ target })),
      caches: caches.map(({ name, target }) => ({ name, target })),
    },
  };
}

function failureHandler(step: StepInfo, onFailure: NonNullable<StepDeps["onFailure"]>) {
  return async (error: ObError, guest: GuestAccess) => await onFailure({ step, error, guest });
}

function secretOf(context: Context, id: string): Uint8Array {
  const contents = context.secrets.get(id);
  if (contents) return contents;
  throw new ObError("BAD_SECRET", `The secret ${JSON.stringify(id)} was not given.`);
}

/** @throws ObError `BAD_SPEC` for an unknown network. */
export function networkOf(names: readonly string[]): RunTask["network"] {
  const unknown = names.find((name) => name !== "host");
  if (unknown === undefined) return names.length === 0 ? "none" : "host";
  throw new ObError("BAD_SPEC", `Unknown network ${JSON.stringify(unknown)}.`, {
    hint: "`(network host)` gives a step the host's network; by default it has none.",
  });
}
