import { mkdtempDisposable, readdir, readFile, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { cancelledError, ObError } from "@ob/core";
import { expect, it } from "vitest";
import { type SpoolOptions, spoolArchive } from "./archive-spool.ts";

const never = new AbortController().signal;

/** Spools in a directory of its own, and returns what is left there after it was disposed of. */
async function spooling<T>(
  chunks: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  look: (spool: ReturnType<typeof spoolArchive>, directory: string) => Promise<T>,
  options: Partial<SpoolOptions> = {},
): Promise<T> {
  await using state = await mkdtempDisposable(join(tmpdir(), "archive-spool-"));
  const openArchive = (): Readable => Readable.from(chunks(), { objectMode: false });
  const spool = spoolArchive({ openArchive, stateDirectory: state.path, signal: never, ...options });
  try {
    return await look(spool, state.path);
  } finally {
    await spool[Symbol.asyncDispose]();
    expect(await readdir(join(state.path, "run")).catch(() => [])).toEqual([]);
  }
}

function* pattern(pieces: number): Iterable<Uint8Array> {
  for (let each = 0; each < pieces; each += 1) yield Buffer.alloc(65_536, each + 1);
}

async function* breaking(reason: Error): AsyncIterable<Uint8Array> {
  yield* pattern(200);
  await Promise.resolve();
  throw reason;
}

it("a small archive stays in memory", async () => {
  await spooling(
    () => pattern(3),
    async ({ ready }, directory) => {
      expect(await ready).toEqual({ kind: "bytes", bytes: Buffer.concat([...pattern(3)]) });
      expect(await readdir(directory)).toEqual([]);
    },
  );
});

it("a large archive becomes a file that tar can read in large blocks", async () => {
  await spooling(
    () => pattern(200),
    async ({ ready }) => {
      const archive = await ready;
      if (archive.kind !== "file") throw new Error(archive.kind);
      const { size, mode } = await stat(archive.path);
      expect(size % (1 << 20)).toBe(0);
      expect(mode & 0o777).toBe(0o600);
      const bytes = await readFile(archive.path);
      const sent = Buffer.concat([...pattern(200)]);
      expect(bytes.subarray(0, sent.length).equals(sent)).toBe(true);
      expect(bytes.subarray(sent.length).every((byte) => byte === 0)).toBe(true);
    },
  );
});

it("an archive that fails is BAD_SOURCE, or its own error", async () => {
  const broken = new Error("cannot read big.bin");
  await spooling(
    () => breaking(broken),
    async ({ ready }) => {
      await expect(ready).rejects.toMatchObject({
        code: "BAD_SOURCE",
        message: expect.stringContaining("cannot read big.bin"),
      });
    },
  );
  const own = new ObError("BAD_SOURCE", "was changed");
  await spooling(
    () => breaking(own),
    async ({ ready }) => await expect(ready).rejects.toBe(own),
  );
});

it("an archive that blocks ends with the signal, and with the spool", async () => {
  const stuck = async function* () {
    yield* pattern(200);
    await new Promise<never>(() => undefined);
  };
  const controller = new AbortController();
  await spooling(
    stuck,
    async ({ ready }) => {
      controller.abort(cancelledError());
      await expect(ready).rejects.toMatchObject({ code: "CANCELLED" });
    },
    { signal: controller.signal },
  );
  await spooling(stuck, async () => await Promise.resolve());
});

it("an archive that never ends is given up before the disk is full", async () => {
  function* endless(): Iterable<Uint8Array> {
    for (;;) yield Buffer.alloc(1 << 20);
  }
  const full = new ObError("NO_SPACE", "nearly full");
  let bytes = 0;
  const add = async (more: number): Promise<void> => {
    bytes += more;
    if (bytes > 32 << 20) throw full;
  };
  await spooling(
    endless,
    async ({ ready }) => {
      await expect(ready).rejects.toBe(full);
    },
    { space: { add } },
  );
});

it.skipIf(process.getuid?.() !== 0)("a full disk is said to be full (a small tmpfs needs root)", async () => {
  await using place = await mkdtempDisposable(join(tmpdir(), "archive-spool-full-"));
  const { run } = await import("@ob/core");
  await run(["mount", "-t", "tmpfs", "-o", "size=9M", "tmpfs", place.path]);
  try {
    await spooling(
      () => pattern(300),
      async ({ ready }) => await expect(ready).rejects.toMatchObject({ code: "NO_SPACE" }),
      { stateDirectory: place.path },
    );
  } finally {
    await run(["umount", place.path]);
  }
});
