// A process that works on a store: `work.ts DIRECTORY build | delete ID | prune | tag NAME ID | untag NAME`. It prints `saved ID` for each layer that a build says
// it has saved, `gone ID` for each that was deleted, and `tagged NAME`. The campaigns kill it, and let its calls fail.
import { writeSync } from "node:fs";
import { createBuilder } from "@ob/builder";
import { openCaches } from "@ob/cache";
import { isObError, layerId, type ObEvent } from "@ob/core";
import { parseSpec } from "@ob/spec";
import { openStore } from "@ob/store-qcow";
import { scriptedSandbox } from "./scripted-guest.ts";
import { cacheBytes, specText } from "./spec.ts";

const say = (line: string): void => void writeSync(1, `${line}\n`);

const onEvent = (event: ObEvent): void => {
  if (event.type === "step-finished" && event.outcome === "saved") say(`saved ${event.step.id}`);
};

async function work([
  directory = "",
  command = "",
  first = "",
  second = "",
]: readonly string[]): Promise<void> {
  await using store = await openStore({ directory });
  if (command === "delete") {
    for (const gone of await store.delete(layerId(first))) say(`gone ${gone}`);
  } else if (command === "tag") {
    await store.tag(layerId(second), [first]);
    say(`tagged ${first}`);
  } else if (command === "untag") {
    await store.untag(first);
  } else if (command === "prune") {
    for (const gone of await store.prune({ before: new Date(Date.now() + 60_000), limit: 100 }))
      say(`gone ${gone}`);
  } else {
    const caches = await openCaches({ directory, size: cacheBytes });
    // Without a reserve a disk can get full.
    await using builder = createBuilder({
      store,
      sandbox: scriptedSandbox(),
      caches,
      emit: onEvent,
      diskReserve: 0,
    });
    await builder.build({ spec: parseSpec(specText, { file: "campaign.spec" }), sourceDirectory: directory });
    say("built");
  }
}

try {
  await work(process.argv.slice(2));
} catch (error) {
  // An error in words is an answer; anything else is a fault of ours.
  if (!isObError(error)) throw error;
  say(`error ${error.code} ${error.message}`);
  process.exitCode = 1;
}
