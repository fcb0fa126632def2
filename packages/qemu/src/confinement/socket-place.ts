import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FileView } from "./file-view.ts";

/** Disposing removes what is there. */
export interface SocketPlace extends AsyncDisposable {
  /** The path to listen at, for any user: only QEMU and the caller can reach it. */
  readonly listenAt: string;
  /** The path that QEMU connects to. */
  readonly connectAt: string;
}

const name = "obuilder.sock";

/** The paths of sockets must be short; that of a store may be long. */
export async function makeSocketPlace(view: FileView | undefined): Promise<SocketPlace> {
  if (!view) {
    // Not by makeTemporaryDirectory, whose names are long.
    const directory = await mkdtemp(join(tmpdir(), "obuilder-socket-"));
    const path = join(directory, name);
    const remove = async (): Promise<void> => await rm(directory, { recursive: true, force: true });
    return { listenAt: path, connectAt: path, [Symbol.asyncDispose]: remove };
  }
  const root = await open(view.root);
  return {
    listenAt: `/proc/self/fd/${root.fd}/${name}`,
    connectAt: `/${name}`,
    [Symbol.asyncDispose]: async () => {
      await root.close();
      await rm(join(view.root, name), { force: true });
    },
  };
}
