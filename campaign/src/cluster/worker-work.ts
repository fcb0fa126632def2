// A worker of a cluster on a store: `worker-work.ts DIRECTORY SOCKET REPOSITORY NAME`. It prints `ready`, and `saved ID` for each layer that it says it has
// saved. The campaigns kill it.
import { writeSync } from "node:fs";
import { openCaches } from "@ob/cache";
import { startWorker } from "@ob/cluster";
import type { ObEvent } from "@ob/core";
import { openRegistry } from "@ob/registry";
import { openStore } from "@ob/store-qcow";
import { RegistryLayers } from "../../../packages/cli/src/cluster/registry-layers.ts";
import { WorkerImages, WorkerStore } from "../../../packages/cli/src/cluster/worker-images.ts";
import { scriptedSandbox } from "../store/scripted-guest.ts";
import { cacheBytes } from "../store/spec.ts";
import { pool } from "./submit.ts";

const say = (line: string): void => void writeSync(1, `${line}\n`);
const emit = (event: ObEvent): void => {
  if (event.type === "step-finished" && event.outcome === "saved") say(`saved ${event.step.id}`);
  if (event.type === "log" && event.level === "warning") process.stderr.write(`${event.text}\n`);
};

const [directory = "", url = "", ref = "", name = ""] = process.argv.slice(2);
await using own = await openStore({ directory, create: true, emit });
await using registry = openRegistry({ ref });
const images = new WorkerImages({ store: own, directory, registry, emit });
const store = new WorkerStore(own, images);
const caches = await openCaches({ directory, size: cacheBytes });
await using worker = await startWorker({
  ...{ redis: { url }, name, pools: [pool], store, sandbox: scriptedSandbox(), caches, emit },
  transport: new RegistryLayers({ store, registry, images, emit }),
});
const asked = Promise.withResolvers<void>();
process.once("SIGTERM", () => asked.resolve());
say("ready");
await asked.promise;
await worker.drain();
say("ended");
