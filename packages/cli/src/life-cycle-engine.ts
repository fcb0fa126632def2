import { posix } from "node:path";
import type { StartSmokeTest } from "@ob/core";
import type { Builder } from "@ob/builder";
import type { LifeCycleEngine } from "@ob/images";

/** What the check of an image's life cycle builds with. Disposing of it closes the builder. */
export function lifeCycleEngine(builder: Builder, startSmokeTest: StartSmokeTest): LifeCycleEngine {
  return {
    startSmokeTest,
    async build({ spec: text, sourceDirectory, secrets, reuseVm, stepTimeoutMs }, { signal, emit }) {
      const { parseSpecWithSource } = await import("@ob/spec");
      const { spec, source } = parseSpecWithSource(text, { file: "the check" });
      const request = { spec, source, sourceDirectory, secrets, ignoreFile: false } as const;
      return await builder.build(request, { signal, emit, reuseVm, stepTimeoutMs });
    },
    async *readTrees(id, paths, { signal, emit }) {
      const { checkSourcePath, layerArchive } = await import("@ob/builder");
      await using guest = await builder.openLayer(id, { signal, emit });
      yield* layerArchive(async () => guest, {
        items: paths.map((each) => {
          const path = checkSourcePath(each);
          return { path, archivePath: () => posix.basename(path) };
        }),
        owner: { kind: "reader" },
        signal,
        emit,
      });
    },
    [Symbol.asyncDispose]: () => builder[Symbol.asyncDispose](),
  };
}
