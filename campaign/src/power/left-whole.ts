import { importedName } from "../store/image-sources.ts";
import { outputNames } from "../store/outputs.ts";
import { type Left, seenIn } from "./crashed.ts";
import type { RecordedRun } from "./recorded-run.ts";

/** What a command has found, and what it has left where no crash came. */
interface Around {
  readonly before: Left;
  readonly after: Left;
}

/**
 * Looks at what a crash has left of images and outputs: each is as before or as after the command, and what was said is there.
 *
 * @param said the lines that were said before the crash.
 * @returns what is wrong, in words.
 */
export function lookAtFiles(left: Left, said: readonly string[], recorded: RecordedRun): readonly string[] {
  const around = aroundOf(recorded);
  const [word = ""] = recorded.words;
  switch (word) {
    case "import":
    case "pull":
      return lookAtImage(left, { ...around, isSaid: said.some((line) => line.startsWith("imported ")) });
    case "command":
      // The files of `local` are the host's to flush, as those of cp are.
      return Object.values(outputNames)
        .filter((name) => name !== outputNames.local)
        .flatMap((name) => lookAtOutput(left, { ...around, name, isSaid: said.includes(`written ${name}`) }));
    default:
      return [];
  }
}

const kept = new WeakMap<RecordedRun, Around>();

function aroundOf(recorded: RecordedRun): Around {
  const known = kept.get(recorded);
  if (known) return known;
  const disk = recorded.begin();
  const before = seenIn(disk.root);
  for (const change of recorded.changes) disk.apply(change);
  const around = { before, after: seenIn(disk.root) };
  kept.set(recorded, around);
  return around;
}

function lookAtOutput(
  left: Left,
  { after, name, isSaid }: Around & { readonly name: string; readonly isSaid: boolean },
): readonly string[] {
  const found = left.get(name);
  if (found === undefined) return isSaid ? [`${name} was said to be written, and is lost`] : [];
  return isSame(found, after.get(name)) ? [] : [`${name} is not whole`];
}

/** The manifest is renamed last: what it describes is there, and whole. */
function lookAtImage(
  left: Left,
  { before, after, isSaid }: Around & { readonly isSaid: boolean },
): readonly string[] {
  const [now, old, next] = [imagesIn(left), imagesIn(before), imagesIn(after)];
  const at = (images: Left, ending: string) => images.get(`${importedName}.${ending}`);
  const faults: string[] = [];
  const [manifest, disk] = [at(now, "json"), at(now, "qcow2")];
  const isNew = isSame(manifest, at(next, "json"));
  if (isSaid && !isNew)
    faults.push("the image was said to be there, and its manifest is lost or an older one");
  if (!isNew && !isSame(manifest, at(old, "json"))) faults.push("the manifest of the image is not whole");
  const isNewDisk = isSame(disk, at(next, "qcow2"));
  if (!isNewDisk && (isNew || !isSame(disk, at(old, "qcow2"))))
    faults.push("the disk of the image is not whole");
  if (manifest !== undefined) {
    for (const [name, bytes] of isNew ? next : old) {
      if (/\.(?:kernel|initrd|key)$/.test(name) && !isSame(now.get(name), bytes))
        faults.push(`${name} is named by the manifest, and is not whole`);
    }
  }
  return faults;
}

function imagesIn(left: Left): Left {
  const found = left.get("base-image");
  return found instanceof Map ? found : new Map();
}

type Found = ReturnType<Left["get"]>;

function isSame(one: Found, other: Found): boolean {
  if (one instanceof Map || other instanceof Map) return false;
  if (Buffer.isBuffer(one) && Buffer.isBuffer(other)) return one.equals(other);
  return one === other;
}
