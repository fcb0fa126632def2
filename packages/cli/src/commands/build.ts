import { type Emit, firstError, type LayerId, type Store } from "@ob/core";
import type { BuildOptions, StepFailure } from "@ob/builder";
import { cacheOptions, readCacheOptions } from "../args/cache-options.ts";
import { checkKey, readRequest } from "../args/build-input.ts";
import { limitOptions, readLimits } from "../args/limits.ts";
import { buildArgOptions } from "../args/build-args.ts";
import { secretOptions } from "../args/secrets.ts";
import { ignoreOptions } from "../args/ignore-file.ts";
import { jobOptions, readJobs } from "../args/jobs.ts";
import { noCacheOptions, readNoCache } from "../args/no-cache.ts";
import {
  type Arguments,
  progressOptions,
  readProgressMode,
  specOptions,
  storeOptions,
} from "../args/options.ts";
import { vmReuseOptions, sandboxOptions } from "../args/sandbox-flags.ts";
import { mayReuseVm } from "../args/vm-reuse.ts";
import { isOnStdout, type LayerOutput, outputOptions, readOutputs } from "../args/output.ts";
import { readTags, tagOptions } from "../args/tags.ts";
import type { ProcessIo } from "../process-io.ts";
import { createProgress } from "../progress/create-progress.ts";
import { withRecipeHint } from "../output/recipe-hint.ts";
import { endingOf } from "../output/ending.ts";
import { countSteps } from "../args/spec-input.ts";
import { onErrorOptions, openStepShell, readOnError } from "../terminal/on-error-shell.ts";
import { checkBuildOutputs, writeBuildOutputs } from "../outputs/build-outputs.ts";
import { buildShared, openBuildSharing } from "../sharing/build-shared.ts";
import { openRoom, readMinFreeSpace, roomOptions } from "../room/keep-room.ts";
import { openBuildTrace } from "../trace/build-trace.ts";
import { type BuildMetadata, metadataOptions, openMetadata } from "../metadata/build-metadata.ts";
import { openRecorder, reportOptions } from "../records/open-recorder.ts";
import type { Command } from "./command.ts";
import type { Session } from "./session.ts";

export const build: Command = {
  description:
    "Builds a spec: runs each step in a virtual machine and stores the disk after it as a layer. A step whose layer is " +
    "in the store is not run again. The last line is the id of the last layer.",
  positionals: [
    { name: "SRC_DIR", describe: "The directory that `copy` takes files from", complete: "directory" },
  ],
  options: {
    ...storeOptions,
    ...specOptions,
    ...buildArgOptions,
    ...noCacheOptions,
    ...secretOptions,
    ...ignoreOptions,
    ...tagOptions,
    ...outputOptions,
    ...sandboxOptions,
    ...jobOptions,
    ...onErrorOptions,
    ...vmReuseOptions,
    ...limitOptions,
    ...roomOptions,
    ...cacheOptions,
    ...metadataOptions,
    ...reportOptions,
    ...progressOptions,
  },
  examples: [
    [
      "obuilder build --store=qemu:/var/cache/obuilder -f example.spec .",
      "build with the files of the current directory",
    ],
    ["obuilder build ... -t tools:1.2 .", "give the last layer a name: obuilder shell tools:1.2"],
    ["obuilder build ... --build-arg VERSION=1.2 .", "with a value for (arg VERSION)"],
    ["obuilder build ... --target tools .", "only the nested build tools"],
    ["obuilder build ... --no-cache .", "run every step again"],
    ["obuilder build ... --secret token:$HOME/.token .", "with a secret"],
    ["obuilder build ... --qemu-memory 16 --qemu-cpus 8 .", "in a bigger VM"],
    ["obuilder build ... -j 4 .", "up to four nested builds in parallel"],
    ["obuilder build ... --on-error=shell .", "open a shell where a command fails"],
    ["obuilder build ... --step-timeout 1h .", "end a step that hangs"],
    [
      "obuilder build ... --cache-from reg.example/ob --cache-to type=registry,ref=reg.example/ob,mode=max .",
      "take layers from a registry, and push those that are built",
    ],
    ["obuilder build ... --output type=local,src=/out,dest=out .", "and copy /out of the last layer to out"],
    ["obuilder build ... --output type=vmdk,dest=disk.vmdk .", "and export the disk"],
    ["obuilder build ... --report build.html .", "and a page that shows where the time went"],
    ["obuilder build ... --metadata-file build.json .", "the result for a program"],
    ["obuilder build ... --progress=json . > events", "events for a program"],
  ],

  async run(args, session) {
    const metadata = await openMetadata(args, session.io);
    try {
      await buildAndShow(args, session, metadata);
    } catch (thrown) {
      await metadata?.failed(endingOf(firstError(thrown), session.io.interruptedBy()), session.emit);
      throw thrown;
    }
  },
};

/** What the command line asks for. It is read, as far as it can be, before anything is shown. @throws ObError `USAGE`; SpecError. */
async function readSettings(args: Arguments, { io, location, flags, emit }: Session) {
  const jobs = readJobs(args, flags);
  const { logLimit, diskReserve, ...timeouts } = readLimits(args);
  const mode = readProgressMode(args);
  const tags = readTags(args);
  const noCache = readNoCache(args);
  const reuseVm = await mayReuseVm({ args, env: io.env, location });
  const wantsShell = readOnError(args, io) === "shell";
  await checkKey(flags.sshKey);
  const request = await readRequest(args, io, emit);
  const cache = readCacheOptions(args, request.spec);
  const outputs = readOutputs(args);
  await checkBuildOutputs(outputs, { io, mode });
  const building = { jobs, tags, noCache, reuseVm, ...timeouts } satisfies BuildOptions;
  const minFreeSpace = readMinFreeSpace(args);
  return {
    mode,
    wantsShell,
    request,
    cache,
    outputs,
    minFreeSpace,
    limits: { logLimit, diskReserve },
    building,
  };
}

async function buildAndShow(
  args: Arguments,
  session: Session,
  metadata: BuildMetadata | undefined,
): Promise<void> {
  const { services, verbosity, color, location, flags, emit, onResult } = session;
  const { mode, wantsShell, request, cache, outputs, minFreeSpace, limits, building } = await readSettings(
    args,
    session,
  );
  const { jobs, tags } = building;
  const io = streamsFor(outputs, session.io);
  const steps = countSteps(request.spec);
  const { recorder, onRecord } = await openRecorder(args, session);
  await using trace = await openBuildTrace(io.env, emit);
  const parallel = jobs > 1 && request.spec.builds.length > 0;

  const { lastTime } = recorder;
  using progress = await createProgress({ io, mode, color, verbosity, steps, parallel, lastTime, onResult });
  const listen = (next: Emit) => metadata?.listen(next) ?? next;
  const onAbort = () => progress.say("Cancelling… (Ctrl-C again stops at once)");
  io.signal.addEventListener("abort", onAbort, { once: true });
  try {
    await using sharing = cache && (await openBuildSharing(cache, { services, location, io, progress }));
    const listener = trace.listen(listen(progress.emit));
    await using room = openRoom(minFreeSpace, { services, location, signal: io.signal, emit: listener });
    const wrapStore = (store: Store) => room?.wrap(recorder.keep(store)) ?? recorder.keep(store);
    const opening = { location, flags, sharing, limits, wrapStore, emit: listener };
    await using builder = await services.openBuilder(opening);
    await room?.useAllOf(builder, request);
    const options: BuildOptions = {
      ...building,
      signal: io.signal,
      onEvent: recorder.onEvent,
      ordered: progress.ordered,
      outputTaken: () => progress.outputTaken(),
      ...(wantsShell && { onFailure: firstFailure((failure) => openStepShell(failure, { io, progress })) }),
    };
    const work = async () =>
      sharing
        ? await buildShared({ builder, request, options, sharing, progress })
        : await builder.build(request, options);
    const id = await recorder.during(work, onRecord);
    const openGuest = async () => await builder.openLayer(id, { signal: io.signal });
    await writeBuildOutputs(id, outputs, { args, session, openGuest, progress });
    trace.end();
    if (metadata) await metadata.succeeded({ id, tags, digest: await digestOf(id, session) });
    progress.succeeded(id);
  } catch (thrown) {
    trace.end(firstError(thrown));
    const error = await withRecipeHint(firstError(thrown));
    progress.failed(endingOf(error, io.interruptedBy()));
    throw error;
  } finally {
    io.signal.removeEventListener("abort", onAbort);
  }
}

/** Where the build is shown: standard output may be an archive's. */
function streamsFor(outputs: readonly LayerOutput[], io: ProcessIo): ProcessIo {
  if (outputs.some(isOnStdout)) return { ...io, stdout: io.stderr };
  // A build is worth more than its transcript, but an archive that nobody reads is not written.
  io.outliveReader?.();
  return io;
}

/** Of several parallel failures the first gets the terminal; when it ends, so do the others. */
function firstFailure(
  onFailure: (failure: StepFailure) => Promise<void>,
): (failure: StepFailure) => Promise<void> {
  let failed = false;
  return async (failure) => {
    if (failed) return;
    failed = true;
    await onFailure(failure);
  };
}

/** The sha256 of a layer's disk. A layer that only a registry has is not pulled for it. */
async function digestOf(id: LayerId, { services, location, io }: Session): Promise<string | undefined> {
  await using store = await services.openStore({ location });
  return (await store.layerDigests(id, io.signal)).at(0);
}
