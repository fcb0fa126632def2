import { cp, mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { errorMessage, exists } from "@ob/core";
import { countedCalls, type Fault, faultEnvironment } from "../faults.ts";
import { processesOn } from "../store/processes.ts";
import type { ScriptResult } from "../store/run-script.ts";
import { type TrialResult, wrongEnd } from "../store/try-fault.ts";
import type { Version } from "./fixtures.ts";
import type { ImageReference, ImageTrial } from "./image-reference.ts";
import { type SeenImage, seeImage } from "./seen-image.ts";

/** The version that trials make. */
const wanted: Version = "2";

export interface TrialPlace {
  readonly reference: ImageReference;
  /** Path of the compiled preload. */
  readonly library: string;
  /** Trials at the same time have different numbers. */
  readonly slot: number;
}

/** Absolute paths that belong to one trial. */
interface Place {
  readonly directory: string;
  readonly store: string;
  /** Where its commands have their temporary files. */
  readonly temporary: string;
}

async function placeOf(reference: ImageReference, slot: number): Promise<Place> {
  const directory = path.join(reference.directory, `slot-${slot}`);
  const temporary = path.join(directory, "tmp");
  await mkdir(temporary, { recursive: true });
  return { directory, store: path.join(directory, "store"), temporary };
}

/** Makes a fault in a command on images, and looks at the store afterwards. */
export async function tryImageFault(
  trial: ImageTrial,
  fault: Fault,
  { reference, library, slot }: TrialPlace,
): Promise<TrialResult> {
  const place = await placeOf(reference, slot);
  const { store, temporary } = place;
  const state = path.join(place.directory, "calls");
  await reference.prepare(trial, store);
  const environment = await faultEnvironment(fault, { library, state, directory: store });
  const result = await reference.run(store, [trial.command, wanted], { ...environment, TMPDIR: temporary });
  const calls = await countedCalls(state);
  const faults = [...wrongEnd(result, fault)];
  const left = await processesOn(store, { patience: 3000 });
  if (left.length > 0) faults.push(`processes are left: ${left.join(", ")}`);
  const seen = await seenBy(place, reference);
  faults.push(...wrongImage(seen, { trial, result }));
  faults.push(...(await finish(place, { trial, seen, reference })));
  return { calls, faults };
}

/** What a build on the store sees, as it is and without any command before; on a copy, since the build would change it. */
async function seenBy({ directory, store }: Place, { open }: ImageReference): Promise<SeenImage> {
  const copy = path.join(directory, "seen");
  await rm(copy, { recursive: true, force: true });
  if (!(await exists(store))) return "nothing";
  await cp(store, copy, { recursive: true, preserveTimestamps: true });
  return await seeImage(copy, open.fixtures).catch((error: unknown) => ({ mixture: errorMessage(error) }));
}

function wrongImage(
  seen: SeenImage,
  { trial: { command, from }, result }: { readonly trial: ImageTrial; readonly result: ScriptResult },
): readonly string[] {
  if (typeof seen === "object") return [`a build sees a half image: ${seen.mixture}`];
  const after = command === "rm" ? "nothing" : wanted;
  const isSaid = /^(?:saved|gone)/m.test(result.stdout);
  if (isSaid && seen !== after) return [`it said that it had ended, and a build sees ${seen}`];
  return seen === after || seen === from ? [] : [`a build sees ${seen}`];
}

/** Runs the command once more: it needs no help, and leaves nothing besides the image. */
async function finish(
  place: Place,
  {
    trial: { command },
    seen,
    reference,
  }: {
    readonly trial: ImageTrial;
    readonly seen: SeenImage;
    readonly reference: ImageReference;
  },
): Promise<readonly string[]> {
  const { store, temporary } = place;
  const environment = { TMPDIR: temporary };
  const { status, error, complaint } = await reference.run(store, [command, wanted], environment);
  const faults: string[] = [];
  const isGone = command === "rm" && seen === "nothing" && error?.startsWith("BASE_IMAGE ") === true;
  if (status !== 0 && !isGone) faults.push(`once more it fails: ${error ?? complaint}`);
  const after = await seenBy(place, reference);
  const expected = command === "rm" ? "nothing" : wanted;
  if (after !== expected) faults.push(`once more, and a build sees ${JSON.stringify(after)}`);
  const all = await filesIn(store);
  const files = all.filter((file, at) => !file.startsWith("state/downloads/") || all.indexOf(file) === at);
  const right: readonly string[] = expectedFiles[command];
  const extra = files.filter((file) => !right.includes(file));
  const missing = right.filter((file) => !files.includes(file));
  if (!isDeepStrictEqual(files.toSorted(), right.toSorted()))
    faults.push(`too many files: ${extra.join(", ") || "-"}; missing: ${missing.join(", ") || "-"}`);
  const left = await readdir(temporary);
  if (left.length > 0) faults.push(`temporary files are left: ${left.join(", ")}`);
  await rm(temporary, { recursive: true });
  return faults;
}

const keys = ["state/ssh/id_ed25519", "state/ssh/id_ed25519.pub"];
const boot = ["base-image/image.DIGEST.initrd", "base-image/image.DIGEST.kernel"];
const both = ["base-image/image.json", "base-image/image.qcow2"];
const ownKey = "base-image/image.DIGEST.key";

/** The files of a store, without what says when and by whom. */
const expectedFiles = {
  import: [...both, ...boot, ownKey, ...keys],
  pull: [...both, ...boot, ownKey, ...keys],
  // Downloads stay, those of earlier versions, too.
  build: [...both, ...boot, ...keys, "cache-template/ext4.qcow2", "state/downloads/DIGEST-disk.img"],
  rm: keys,
} as const satisfies Record<ImageTrial["command"], readonly string[]>;

function withoutDigest(file: string): string {
  return file
    .replace(/^(base-image\/image\.)[0-9a-f]{12}\./, "$1DIGEST.")
    .replace(/^(state\/downloads\/)[0-9a-f]{16}-/, "$1DIGEST-");
}

/** Relative paths of files, and of directories that are hidden: those of work in progress. */
async function filesIn(store: string): Promise<readonly string[]> {
  const entries = await readdir(store, { recursive: true, withFileTypes: true });
  const files = entries.flatMap((entry) => {
    const isHidden = entry.name.startsWith(".");
    return entry.isDirectory() && !isHidden
      ? []
      : [path.relative(store, path.join(entry.parentPath, entry.name))];
  });
  return files.map(withoutDigest);
}
