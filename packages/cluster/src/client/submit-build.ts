import { randomBytes } from "node:crypto";
import { type BuildRequest, expandRequest, planBuild } from "@ob/builder";
import { checkOptions, type Emit, noopEmit, ObError, type Store } from "@ob/core";
import { printMachine, type Spec } from "@ob/spec";
import type { Redis } from "ioredis";
import * as v from "valibot";
import { type BuildRecord, buildRecordSchema, mostSteps, type StepRecord } from "../engine/build-record.ts";
import { planDigest } from "../engine/plan-digest.ts";
import type { Submission } from "../engine/submission.ts";
import { stagesOf } from "../plan/stages.ts";
import { withRedisErrors } from "../redis/connect.ts";
import { keys } from "../redis/keys.ts";
import { LayerStates } from "../redis/layer-states.ts";
import { checkRecipients, sealSecrets } from "../secrets/sealed-secrets.ts";
import { timing } from "../timing.ts";
import type { ContextTransport } from "../worker/context-transport.ts";

export interface SubmitOptions {
  /** See `connectRedis`. */
  readonly redis: Redis;
  /** Where the build is planned: it must know the base images, as the workers have them. */
  readonly store: Store;
  /** The pool that builds on a base image. */
  readonly poolOf: (image: string) => string;
  /** Whose build it is, of letters, digits, `.`, `_` and `-`: clients share the workers evenly. */
  readonly client: string;
  /** From -4 to 4; each step more halves what the build costs its client. By default 0. */
  readonly priority?: number | undefined;
  /** Needed if a step copies from the build context. */
  readonly contexts?: ContextTransport | undefined;
  /** The public keys of the pools, `age1…`; needed for secrets. */
  readonly recipients?: readonly string[] | undefined;
  /** W3C trace context that the build belongs to, `00-TRACE-SPAN-FLAGS`. */
  readonly traceparent?: string | undefined;
  /** Gets warnings of the plan. */
  readonly emit?: Emit | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Plans a build and hands it to the cluster, which goes on with it whatever becomes of the client.
 *
 * @returns the build's name, for `attachBuild` and `cancelBuild`.
 * @throws ObError what `planBuild` throws; `STORE` if Redis fails; `USAGE` for options that cannot be.
 */
export async function submitBuild(given: BuildRequest, options: SubmitOptions): Promise<string> {
  checkOptions("submitBuild", options, {
    redis: "object",
    store: "object",
    poolOf: "function",
    client: "string",
    priority: "number?",
    recipients: "array?",
    traceparent: "string?",
  });
  const { redis, recipients = [], signal } = options;
  // Workers get a spec without args.
  const request = expandRequest(given, { emit: options.emit });
  const { steps, script } = await planned(request, options);
  const { secrets = new Map<string, Uint8Array>() } = request;
  if (secrets.size > 0) checkRecipients(recipients);
  const context = await publishContext(request, options);
  const spec = printMachine(request.spec);
  const plan = planDigest({ spec, context });
  const sealed = secrets.size > 0 ? await sealSecrets(secrets, { recipients, plan }) : undefined;
  signal?.throwIfAborted();
  return await withRedisErrors("submit the build", async () => {
    const record: BuildRecord = {
      v: 1,
      client: options.client,
      priority: options.priority ?? 0,
      time: await new LayerStates(redis).now(),
      spec,
      pools: poolsOf(request.spec, options.poolOf),
      steps,
      script,
      ...(context !== undefined && { context }),
      ...(options.traceparent !== undefined && { traceparent: options.traceparent }),
    };
    checkRecord(record);
    return await enqueue(redis, record, sealed);
  });
}

type Script = BuildRecord["script"];

async function planned(
  request: BuildRequest,
  { store, emit = noopEmit, signal }: SubmitOptions,
): Promise<{ readonly steps: StepRecord[]; readonly script: Script }> {
  const steps: StepRecord[] = [];
  const script: Script = [];
  const onNote: Emit = (event) => {
    if (event.type !== "note") emit(event);
    else script.push({ note: event.text, ...(event.build && { build: [...event.build] }) });
  };
  await planBuild({ store, emit: onNote }, request, {
    signal,
    onStep: ({ id, base, op, heading, build, at }) => {
      script.push({ step: steps.length });
      const optional = { ...(base !== undefined && { base }), ...(at && { at }) };
      steps.push({ id, op, heading, build: [...build], ...optional });
    },
  });
  return { steps, script };
}

async function publishContext(
  { spec, sourceDirectory, ignoreFile }: BuildRequest,
  { contexts, signal }: SubmitOptions,
): Promise<string | undefined> {
  const needsContext = stagesOf(spec).some((stage) =>
    stage.spec.ops.some((op) => op.op === "copy" && op.from.kind === "context"),
  );
  if (!needsContext) return undefined;
  if (contexts) return await contexts.publish({ directory: sourceDirectory, ignoreFile }, signal);
  throw new ObError(
    "USAGE",
    "The build copies from its context, and nothing was given that takes it to the workers.",
  );
}

function poolsOf(spec: Spec, poolOf: (image: string) => string): Record<string, string> {
  const images = new Set(stagesOf(spec).map((stage) => stage.spec.from));
  return Object.fromEntries([...images].map((image) => [image, poolOf(image)]));
}

/** What the workers would refuse is refused here, where it can be said. */
function checkRecord(record: BuildRecord): void {
  const result = v.safeParse(buildRecordSchema, record);
  if (result.success) return;
  const [issue] = result.issues;
  const where = v.getDotPath(issue) ?? "the build";
  throw new ObError("USAGE", `The build cannot be submitted: ${where}: ${issue.message}.`, {
    hint: `A build has at most ${mostSteps} steps; names have letters, digits, dots, underscores and hyphens.`,
  });
}

async function enqueue(redis: Redis, record: BuildRecord, sealed: string | undefined): Promise<string> {
  const build = randomBytes(8).toString("hex");
  const submission: Submission = {
    v: 1,
    record: JSON.stringify(record),
    ...(sealed !== undefined && { secrets: sealed }),
  };
  const answers = await redis
    .multi()
    .set(keys.submission(build), JSON.stringify(submission), "PX", timing.running)
    .xadd(keys.submissions, "*", "build", build)
    .exec();
  for (const [error] of answers ?? []) if (error) throw error;
  return build;
}
