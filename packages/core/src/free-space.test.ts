import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { spaceGuard } from "./free-space.ts";

const GiB = 1 << 30;
const [blocks, files] = [(100 * GiB) / 4096, 1000];
const guarded = (state: {
  readonly free?: number;
  readonly blocks?: number;
  readonly ffree?: number;
  readonly files?: number;
}) => {
  const { free = 50 * GiB, ...rest } = state;
  const stat = async () => ({ bsize: 4096, blocks, files, ffree: 500, bavail: free / 4096, ...rest });
  return spaceGuard("/d", { what: "the copy", stat });
};

test.each([
  ["1 GiB of a large disk", { free: GiB - 1 }],
  ["5 % of a small disk", { free: 50 << 20, blocks: GiB / 4096 }],
  ["5 % of the files that it can have", { ffree: 49 }],
])("a write ends before less than %s is free", async (_, state) => {
  const guard = guarded(state);
  await guard.add(10 << 20);
  await expect(guard.add(10 << 20)).rejects.toMatchObject({ code: "NO_SPACE" });
});

test.each([
  ["a large disk", { free: 1.1 * GiB }],
  ["a small disk", { free: 100 << 20, blocks: GiB / 4096 }],
  ["a file system that does not count its files", { files: 0, ffree: 0 }],
])("a write continues while %s has more", async (_, state) => {
  const guard = guarded(state);
  for (let time = 0; time < 4; time++) await guard.add(10 << 20);
});

test("the file system of a directory is looked at", async () => {
  await expect(spaceGuard(tmpdir(), { what: "the copy" }).add(0)).resolves.toBeUndefined();
  await expect(spaceGuard("/no/such", { what: "x" }).add(32 << 20)).rejects.toThrow("ENOENT");
});
