import { rm, utimes } from "node:fs/promises";
import path from "node:path";
import { errorMessage, layerId, storeLayout } from "@ob/core";
import { openStore } from "@ob/store-qcow";
import { checkStore } from "../store/check-store.ts";
import { imageTime, type Reference } from "../store/reference.ts";
import { baseName } from "../store/spec.ts";
import { type CrashPoint, crashedAt } from "./crash-points.ts";
import { writeLeft } from "./crashed.ts";
import type { RecordedRun } from "./recorded-run.ts";

/**
 * Makes the store that a crash of the host has left, and looks at it.
 *
 * @returns what is wrong, in words.
 */
export async function tryCrash(
  recorded: RecordedRun,
  point: CrashPoint,
  { reference, seed }: { readonly reference: Reference; readonly seed: number },
): Promise<readonly string[]> {
  // Backing files are named relative to the store, so it may be elsewhere.
  const directory = path.join(reference.directory, "crashed");
  await rm(directory, { recursive: true, force: true });
  await writeLeft(crashedAt(recorded, point, seed), directory);
  const image = path.join(storeLayout(directory).baseImages, `${baseName}.qcow2`);
  await utimes(image, imageTime, imageTime);
  const said = recorded.changes
    .slice(0, point.after)
    .flatMap((change) => (change.kind === "say" ? change.text : []));
  const after = (word: string): readonly string[] =>
    [...said.join("").matchAll(new RegExp(`^${word} (.*)$`, "gm"))].map(([, name = ""]) => name);
  const result = {
    saved: after("saved").map(layerId),
    gone: after("gone").map(layerId),
    removes: ["delete", "prune"].includes(recorded.words[0] ?? ""),
    error: undefined,
    status: null,
    signal: "SIGKILL",
    complaint: "",
  } as const;
  try {
    const lost = await lostTags(directory, after("tagged"));
    const timeLimit = 60_000 + 40 * reference.buildTime;
    const before = { layers: recorded.layers, result };
    return [...lost, ...(await checkStore(directory, { before, reference, timeLimit }))];
  } catch (error) {
    return [`the store cannot be used: ${errorMessage(error)}`];
  }
}

async function lostTags(directory: string, names: readonly string[]): Promise<readonly string[]> {
  if (names.length === 0) return [];
  await using store = await openStore({ directory });
  const present = new Set(store.tags().map(({ name }) => name));
  return names.filter((name) => !present.has(name)).map((name) => `the tag ${name} was given, and is lost`);
}
