import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "@ob/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isoLabel, listIso, makeIso } from "./iso.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "iso-"));
});
afterEach(() => rm(directory, { recursive: true }));

async function make(name: string): Promise<string> {
  const work = join(directory, `${name}.work`);
  await mkdir(work);
  const other = join(directory, "a=b");
  await writeFile(other, "of the host");
  await utimes(other, new Date(), new Date(Date.now() - name.length * 1_000_000));
  const iso = join(directory, `${name}.iso`);
  const files = [
    { path: "user-data", contents: "#cloud-config\n" },
    { path: "drivers/A long name, with blanks = 1.inf", contents: Buffer.from([0, 255]) },
    { path: "from-a-file.exe", source: other },
  ];
  await makeIso(iso, { label: "cidata", files, directory: work, signal: undefined });
  return iso;
}

test("an ISO has its label and its files with their original names", async () => {
  const iso = await make("one");
  expect(await isoLabel(iso)).toBe("cidata");
  expect(await listIso(iso, { signal: undefined })).toEqual([
    "/drivers/A long name, with blanks = 1.inf",
    "/from-a-file.exe",
    "/user-data",
  ]);
  const out = join(directory, "out");
  await run(["xorriso", "-osirrox", "on", "-indev", iso, "-extract", "/", out]);
  expect(await readFile(join(out, "user-data"), "utf8")).toBe("#cloud-config\n");
  expect(await readFile(join(out, "from-a-file.exe"), "utf8")).toBe("of the host");
});

test("the same files produce the same ISO", async () => {
  const [one, two] = [await make("one"), await make("other")];
  expect((await readFile(one)).equals(await readFile(two))).toBe(true);
});

test("a file that is not an ISO has no label, and a missing file is an error", async () => {
  const file = join(directory, "no.iso");
  await writeFile(file, Buffer.alloc(100_000));
  expect(await isoLabel(file)).toBeUndefined();
  await expect(isoLabel(join(directory, "missing"))).rejects.toMatchObject({ code: "USAGE" });
});
