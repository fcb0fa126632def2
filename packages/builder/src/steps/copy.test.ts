import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { ObError } from "@ob/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { bench, spec, transcript } from "../builds.test.helper.ts";

async function sourceTree(files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "ob-builder-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  for (const [path, contents] of Object.entries(files)) await writeFile(join(directory, path), contents);
  return directory;
}

describe("a copy", () => {
  test("unpacks the files into the guest", async () => {
    const sourceDirectory = await sourceTree({ a: "1", b: "2" });
    let bytes = 0;
    await using setting = bench({
      copy: async ({ task }) => {
        for await (const chunk of task.openArchive({ owner: undefined })) bytes += chunk.length;
      },
    });
    await setting.builder.build({ spec: spec("((from base) (copy (src .) (dst /src)))"), sourceDirectory });
    // The directory, two files of a block each with their headers, and the end of the archive.
    expect(bytes).toBe(7 * 512);
    expect(transcript(setting.events)).toBe(
      "(from base)\n---> saved\n/: (copy (src .) (dst /src))\n---> saved\n",
    );
  });

  test.each([
    ["(copy (src) (dst a/))", "BAD_SPEC", "no source"],
    ["(copy (src a b) (dst c))", "BAD_SPEC", "2 sources"],
    ["(copy (src none) (dst c))", "BAD_SOURCE", '"none"'],
    ["(copy (src ..) (dst c))", "BAD_SOURCE", '".."'],
  ])("%s is refused before anything is built", async (op, code, message) => {
    const sourceDirectory = await sourceTree({ a: "1", b: "2" });
    await using setting = bench();
    const building = setting.builder.build({ spec: spec(`((from base) ${op})`), sourceDirectory });
    await expect(building).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
    expect(transcript(setting.events)).toBe("");
    expect(setting.store.timesBegun.size).toBe(0);
  });

  test("of a file that changes meanwhile fails with that reason, whatever the sandbox throws", async () => {
    const sourceDirectory = await sourceTree({ a: "1" });
    const changing = spec("((from base) (copy (src a) (dst /a)))");
    const reasons = [new ObError("STEP_FAILED", "tar: Unexpected EOF"), undefined];
    for (const reason of reasons) {
      await writeFile(join(sourceDirectory, "a"), "1");
      await using setting = bench({
        copy: async ({ task }) => {
          await writeFile(join(sourceDirectory, "a"), "2");
          await buffer(task.openArchive({ owner: undefined })).catch(() => undefined);
          if (reason) throw reason;
        },
      });
      const building = setting.builder.build({ spec: changing, sourceDirectory });
      await expect(building).rejects.toMatchObject({
        code: "BAD_SOURCE",
        message: expect.stringContaining("changed"),
      });
      expect(setting.store.openWriters).toBe(0);
    }
  });
});
