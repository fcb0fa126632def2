import { constants } from "node:fs";
import { access, mkdir, readdir } from "node:fs/promises";
import { basename } from "node:path";
import { errnoCode, makePrivateDirectory, ObError, type StoreLayout } from "@ob/core";

/** Makes the directories that a store lacks. @throws ObError `STORE` if there is no store, and none is to be created. */
export async function makeDirectories(layout: StoreLayout, create: boolean): Promise<void> {
  if (create) await makePrivateDirectory(layout.root);
  else await refuseMissing(layout);
  // For mkdir on a read-only file system Node.js has other error codes.
  await access(layout.root, constants.W_OK | constants.X_OK);
  const { baseImages, results, temporary, caches, temporaryCaches, databaseDirectory, locks } = layout;
  for (const path of [baseImages, results, temporary, caches, temporaryCaches, databaseDirectory, locks]) {
    await mkdir(path, { recursive: true, mode: 0o700 });
  }
}

/** A mistyped path must not turn some directory into a store. */
async function refuseMissing({ root, baseImages, results, state }: StoreLayout): Promise<void> {
  const hint = "A store is a directory whose base-image/ holds NAME.qcow2 for each `(from NAME)`.";
  const data = { notStore: root };
  const entries = await readdir(root).catch((cause: unknown) => {
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
