import { constants } from "node:fs";
import { basename, dirname } from "node:path";
import { errnoCode, localFs, makePrivateDirectory, ObError, type StoreLayout } from "@ob/core";
import { syncPath } from "@ob/qcow2";

/** Makes the directories that a store lacks. @throws ObError `STORE` if there is no store, and none is to be created. */
export async function makeDirectories(layout: StoreLayout, create: boolean): Promise<void> {
  if (!create) await refuseMissing(layout);
  else if (await makePrivateDirectory(layout.root)) await syncAround(layout.root);
  // For mkdir on a read-only file system Node.js has other error codes.
  await localFs.access(layout.root, constants.W_OK | constants.X_OK);
  const { baseImages, results, temporary, caches, temporaryCaches, databaseDirectory, locks } = layout;
  const parts = [baseImages, results, temporary, caches, temporaryCaches, databaseDirectory, locks];
  let isNew = false;
  for (const path of parts) {
    if ((await localFs.mkdir(path, { recursive: true, mode: 0o700 })) !== undefined) isNew = true;
  }
  // A layer outlives a power failure only if the names of the directories around it do.
  if (isNew) for (const path of new Set(parts.map((part) => dirname(part)))) await syncPath(path);
}

/** The directory around may be one that can be used, but not read. */
async function syncAround(path: string): Promise<void> {
  await syncPath(dirname(path)).catch((error: unknown) => {
    if (errnoCode(error) !== "EACCES") throw error;
  });
}

/** A mistyped path must not turn some directory into a store. */
async function refuseMissing({ root, baseImages, results, state }: StoreLayout): Promise<void> {
  const hint = "A store is a directory whose base-image/ holds NAME.qcow2 for each `(from NAME)`.";
  const data = { notStore: root };
  const entries = await localFs.readdir(root).catch((cause: unknown) => {
    const code = errnoCode(cause);
    if (code === "ENOENT") throw new ObError("STORE", `There is no store at ${root}.`, { cause, hint, data });
    if (code === "ENOTDIR") throw new ObError("STORE", `${root} is not a directory.`, { cause, hint, data });
    throw cause;
  });
  const parts = [baseImages, results, state].map((directory) => basename(directory));
  if (entries.length > 0 && !entries.some((entry) => parts.includes(entry))) {
    throw new ObError("STORE", `${root} is not a store: it has none of ${parts.join("/, ")}/.`, {
      hint,
      data,
    });
  }
}
