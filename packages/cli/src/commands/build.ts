import { firstError } from "@ob/core";
import type { BuildOptions, StepFailure } from "@ob/builder";
import { cacheOptions, readCacheOptions } from "../args/cache-options.ts";
import { checkKey, readRequest } from "../args/build-input.ts";
import { exitCodeFor } from "../exit-codes.ts";
import { limitOptions, readLimits } from "../args/limits.ts";
import { ignoreOptions } from "../args/ignore-file.ts";
import { jobOptions, readJobs } from "../args/jobs.ts";
import {
  progressOptions,
  readProgressMode,
  secretOptions,
  specOptions,
  storeOptions,
} from "../args/options.ts";
import { vmReuseOptions, sandboxOptions } from "../args/sandbox-flags.ts";
import { mayReuseVm } from "../args/vm-reuse.ts";
import { readTags, tagOptions } from "../args/tags.ts";
import { createProgress } from "../progress/create-progress.ts";
import { withRecipeHint } from "../output/recipe-hint.ts";
import { codeOf } from "../output/render-error.ts";
import { countSteps } from "../args/spec-input.ts";
import { onErrorOptions, openStepShell, readOnError } from "../terminal/on-error-shell.ts";
import { buildShared, openBuildSharing } from "../sharing/build-shared.ts";
import { openBuildTrace } from "../trace/build-trace.ts";
import type { Command } from "./command.ts";

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
    ...secretOptions,
    ...ignoreOptions,
    ...tagOptions,
    ...sandboxOptions,
    ...jobOptions,
    ...onErrorOptions,
    ...vmReuseOptions,
    ...limitOptions,
    ...cacheOptions,
    ...progressOptions,
  },
  examples: [
    [
      "obuilder build --store=qemu:/var/cache/obuilder -f example.spec .",
      "build with the files of the current directory",
    ],
    ["obuilder build ... -t tools:1.2 .", "give the last layer a name: obuilder shell tools:1.2"],
    ["obuilder build ... --secret token:$HOME/.token .", "with a secret"],
    ["obuilder build ... --qemu-memory 16 --qemu-cpus 8 .", "in a bigger VM"],
    ["obuilder build ... -j 4 .", "up to four nested builds in parallel"],
    ["obuilder build ... --on-error=shell .", "open a shell where a command fails"],
    ["obuilder build ... --step-timeout 1h .", "end a step that hangs"],
    [
      "obuilder build ... --cache-from reg.example/ob --cache-to type=registry,ref=reg.example/ob,mode=max .",
      "take layers from a registry, and push those that are built",
    ],
    ["obuilder build ... --progress=json . > events", "events for a program"],
  ],

  async run(args, { services, io, verbosity, color, location, flags, emit }) {
    const jobs = readJobs(args, flags);
    const { logLimit, diskReserve, ...timeouts } = readLimits(args);
    const mode = readProgressMode(args);
    const tags = readTags(args);
    const reuseVm = await mayReuseVm({ args, env: io.env, location });
    const wantsShell = readOnError(args, io) === "shell";
    await checkKey(flags.sshKey);
    const request = await readRequest(args, io, emit);
    const cache = readCacheOptions(args, request.spec);
    const steps = countSteps(request.spec);
    await using trace = await openBuildTrace(io.env, emit);
    const parallel = jobs > 1 && request.spec.builds.length > 0;

    using progress = await createProgress({ io, mode, color, verbosity, steps, parallel });
    const onAbort = () => progress.say("Cancelling… (Ctrl-C again stops at once)");
    io.signal.addEventListener("abort", onAbort, { once: true });
    let failed = false;
    const onFailure = async (failure: StepFailure) => {
      // Of several parallel failures the first gets the terminal; when it ends, so do the others.
      if (failed) return;
      failed = true;
      await openStepShell(failure, { io, progress });
    };
    try {
      await using sharing = cache && (await openBuildSharing(cache, { services, location, io, progress }));
      await using builder = await services.openBuilder({
        location,
        flags,
        sharing,
        limits: { logLimit, diskReserve },
        emit: trace.listen(progress.emit),
      });
      const options: BuildOptions = {
        signal: io.signal,
        jobs,
        tags,
        reuseVm,
        ...timeouts,
        ordered: progress.ordered,
        outputTaken: () => progress.outputTaken(),
        ...(wantsShell && { onFailure }),
      };
      const id = sharing
        ? await buildShared({ builder, request, options, sharing, progress })
        : await builder.build(request, options);
      trace.end();
      progress.succeeded(id);
    } catch (thrown) {
      trace.end(firstError(thrown));
      const error = await withRecipeHint(firstError(thrown));
      progress.failed(error, exitCodeFor(codeOf(error)));
      throw error;
    } finally {
      io.signal.removeEventListener("abort", onAbort);
    }
  },
};
