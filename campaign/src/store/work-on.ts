import { createBuilder } from "@ob/builder";
import { openCaches } from "@ob/cache";
import { isObError, layerId, type ObEvent } from "@ob/core";
import { parseSpec } from "@ob/spec";
import { openStore } from "@ob/store-qcow";
import { scriptedSandbox } from "./scripted-guest.ts";
import { cacheBytes, specText } from "./spec.ts";

export type Say = (line: string) => void;

/** Work on a store: see work.ts for the words. @returns the exit status of a process that does only this. */
export async function workOn(words: readonly string[], say: Say): Promise<number> {
  try {
    await work(words, say);
    return 0;
  } catch (error) {
    // An error in words is an answer; anything else is a fault of ours.
    if (!isObError(error)) throw error;
    say(`error ${error.code} ${error.message}`);
    return 1;
  }
}

async function work([directory = "", command = "", ...rest]: readonly string[], say: Say): Promise<void> {
  const [first = "", second = ""] = rest;
  switch (command) {
    case "command":
    case "import":
    case "pull": {
      const { workByCommand } = await import("./work-by-command.ts");
      return await workByCommand(directory, [command, ...rest], say);
    }
    case "snapshot": {
      const { saveSnapshot } = await import("./work-on-snapshots.ts");
      return await saveSnapshot(directory, say);
    }
  }
  await using store = await openStore({ directory });
  switch (command) {
    case "delete":
      for (const gone of await store.delete(layerId(first))) say(`gone ${gone}`);
      return;
    case "tag":
      await store.tag(layerId(second), [first]);
      return say(`tagged ${first}`);
    case "untag":
      await store.untag(first);
      return;
    case "prune":
      for (const gone of await store.prune({ before: new Date(Date.now() + 60_000), limit: 100 }))
        say(`gone ${gone}`);
      return;
  }
  const caches = await openCaches({ directory, size: cacheBytes });
  const emit = saying(say);
  // Without a reserve a disk can get full.
  await using builder = createBuilder({ store, sandbox: scriptedSandbox(), caches, emit, diskReserve: 0 });
  await builder.build({ spec: parseSpec(specText, { file: "campaign.spec" }), sourceDirectory: directory });
  say("built");
}

/** Says which layers a build has saved. */
export function saying(say: Say): (event: ObEvent) => void {
  return (event) => {
    if (event.type === "step-finished" && event.outcome === "saved") say(`saved ${event.step.id}`);
  };
}
