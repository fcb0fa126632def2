import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { makeSocketPlace } from "./socket-place.ts";

test("a socket can be listened at where the directory for temporary files has a long path, and is removed", async () => {
  const parent = await mkdtemp(join(tmpdir(), "ob-"));
  onTestFinished(async () => await rm(parent, { recursive: true }));
  // Linux takes 107 bytes.
  const directory = join(parent, "x".repeat(70 - parent.length));
  await mkdir(directory);
  vi.stubEnv("TMPDIR", directory);
  onTestFinished(() => void vi.unstubAllEnvs());
  let made: string;
  {
    await using place = await makeSocketPlace(undefined);
    made = dirname(place.listenAt);
    expect(dirname(made)).toBe(directory);
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(place.listenAt, resolve);
    });
    await new Promise((resolve) => void server.close(resolve));
  }
  expect(existsSync(made)).toBe(false);
});
