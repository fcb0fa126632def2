import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileIdentity, storeLayout } from "@ob/core";

/** The files of a snapshot, as its record names them. */
const partFiles = { state: "state", memory: "memory", disk: "disk.qcow2" } as const;

/**
 * Lets the records of VM snapshots have the identities that their files have where the crash was played: a crash can lose the bytes of a
 * file, and keep its number, time and size.
 *
 * @param from path of the store where it was recorded.
 */
export async function keepIdentities(directory: string, from: string): Promise<void> {
  const snapshots = path.join(storeLayout(directory).qemu, "snapshots");
  for (const name of await readdir(snapshots).catch(() => [])) {
    const file = path.join(snapshots, name, "snapshot.json");
    const record = await readRecord(file);
    if (!record) continue;
    const moved = async (each: Identity): Promise<Identity> => {
      const to = each.path.replace(from, directory);
      return { ...each, path: to, id: await identityNow(to, each.id) };
    };
    const parts = Object.entries(record.parts).map(async ([part, id]) => {
      const at = Object.entries(partFiles).find(([known]) => known === part)?.[1] ?? part;
      return [part, await identityNow(path.join(snapshots, name, at), id)] as const;
    });
    const kept = {
      ...record,
      files: await Promise.all(record.files.map(moved)),
      contents: await Promise.all(record.contents.map(moved)),
      parts: Object.fromEntries(await Promise.all(parts)),
    };
    await writeFile(file, JSON.stringify(kept));
  }
}

interface Identity {
  readonly path: string;
  readonly id: string;
}

interface Record {
  readonly files: readonly Identity[];
  readonly contents: readonly Identity[];
  readonly parts: Readonly<{ [part: string]: string }>;
}

/** Undefined if it is not whole. */
async function readRecord(file: string): Promise<Record | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch {
    return undefined;
  }
}

/** The identity that the file has now, if it has the size that it had. */
async function identityNow(file: string, id: string): Promise<string> {
  const found = await stat(file).catch(() => undefined);
  const [, , size] = id.split(" ");
  return found && String(found.size) === size ? (await fileIdentity(file)).id : id;
}
