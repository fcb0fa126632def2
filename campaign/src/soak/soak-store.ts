import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createBuilder } from "@ob/builder";
import { openCaches } from "@ob/cache";
import { isObError, noopEmit, run, storeLayout } from "@ob/core";
import { parseSpec } from "@ob/spec";
import { openStore } from "@ob/store-qcow";
import { scriptedSandbox } from "../store/scripted-guest.ts";
import { baseName, cacheBytes } from "../store/spec.ts";
import { type Sample, takeSample } from "./sample.ts";

/** What a round builds: layers of its own. The log of what is cancelled stays, so that is always round 0. */
const specOf = (
  round: number,
): string => `((build tools ((from ${baseName}) (env ROUND ${round}) (run (shell "fill 1"))))
 (from ${baseName}) (env ROUND ${round})
 (run (cache (c (target /c))) (shell "cache 4"))
 (run (shell "fill 2")))`;

/** A step that has no cache to write to. */
const failing = `((from ${baseName}) (run (shell "cache 1")))`;

/** One builder on one store, which builds for as long as it is asked to. */
export interface Soak extends AsyncDisposable {
  /**
   * Builds twice at the same time, once more with all layers cached, once so that it fails and once so that it is cancelled; looks at the
   * layer in the ways that there are; and prunes all but the base layer.
   */
  round(): Promise<void>;
  sample(): Promise<Sample>;
}

export async function openSoak(): Promise<Soak> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(path.join(tmpdir(), "ob-soak-"));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const layout = storeLayout(directory);
  await mkdir(layout.baseImages, { recursive: true, mode: 0o700 });
  const image = path.join(layout.baseImages, `${baseName}.qcow2`);
  await run(["qemu-img", "create", "-q", "-f", "qcow2", image, "16M"]);
  const store = stack.use(await openStore({ directory }));
  const sandbox = scriptedSandbox();
  const caches = await openCaches({ directory, size: cacheBytes });
  const builder = stack.use(createBuilder({ store, sandbox, caches, diskReserve: 0 }));
  const { signal } = new AbortController();
  const build = async (text: string, options: Parameters<typeof builder.build>[1] = {}) => {
    const request = { spec: parseSpec(text, { file: "soak.spec" }), sourceDirectory: directory };
    return await builder.build(request, { signal, emit: noopEmit, ...options });
  };
  const outlook = path.join(directory, "disk.qcow2");
  let rounds = 0;
  const owned = stack.move();
  return {
    async round() {
      rounds += 1;
      const text = specOf(rounds);
      const [id] = await Promise.all([build(text), build(text, { jobs: 2 })]);
      await build(text, { tags: ["last"] });
      await ends(build(failing), "STORE");
      await cancelledBuild(build, specOf(0));
      await (await store.holdLayer(id, signal))?.[Symbol.asyncDispose]();
      await (await builder.openLayer(id, { signal }))[Symbol.asyncDispose]();
      await store.export(id, { path: outlook, overwrite: true, signal });
      await rm(outlook);
      await store.untag("last");
      const [base] = [...store.list()].filter(({ parent }) => parent === undefined);
      if (base) await store.tag(base.id, ["base"], signal);
      await store.prune({ before: new Date(Date.now() + 60_000), signal });
      // What the double remembers for its tests.
      sandbox.steps.length = 0;
      sandbox.ephemeralGuests.length = 0;
    },
    sample: async () =>
      await takeSample({
        signal,
        directories: [layout.locks, layout.temporary, layout.temporaryCaches, layout.results],
      }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

type Build = (
  text: string,
  options: { readonly signal: AbortSignal; readonly emit: typeof noopEmit },
) => Promise<unknown>;

/** Cancels a build when its first command has begun. */
async function cancelledBuild(build: Build, text: string): Promise<void> {
  const controller = new AbortController();
  const emit: typeof noopEmit = (event) => {
    if (event.type === "phase") controller.abort();
  };
  await ends(build(text, { signal: controller.signal, emit }), "CANCELLED");
}

/** @throws Error if the build does not end with that error. */
async function ends(building: Promise<unknown>, code: "STORE" | "CANCELLED"): Promise<void> {
  const error: unknown = await building.then(
    () => undefined,
    (failure: unknown) => failure,
  );
  if (code === "CANCELLED" ? isObError(error, code) : error !== undefined) return;
  throw error ?? new Error(`a build that should fail has succeeded`);
}
