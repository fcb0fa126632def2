import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { MemoryStore } from "@ob/core/testing";
import { parseSpec } from "@ob/spec";
import { afterEach, beforeEach, expect, test } from "vitest";
import { planBuild } from "../plan.ts";
import type { BuildRequest } from "../request.ts";
import { contextArchive } from "./context-archive.ts";

const spec = parseSpec(`((build tools ((from base) (copy (src deep/er/x) (dst /x))))
  (from base)
  (copy (src src link) (dst /src/) (exclude left)))`);

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ob-context-"));
  for (const path of [
    "deep/er/x",
    "deep/other",
    "src/a",
    "src/left/b",
    "src/c.log",
    "src/.dockerignore",
    "top",
  ])
    await put(path);
  await mkdir(join(directory, "source/src/empty"));
  await symlink("/etc/passwd", join(directory, "source/link"));
});
afterEach(async () => await rm(directory, { recursive: true }));

async function put(path: string, contents = path): Promise<void> {
  await mkdir(join(directory, "source", path, ".."), { recursive: true });
  await writeFile(join(directory, "source", path), contents);
}

async function unpacked(request: BuildRequest): Promise<{ names: readonly string[]; path: string }> {
  const archive = await buffer(await contextArchive(request, { store: new MemoryStore() }));
  const path = await mkdtemp(join(directory, "unpacked-"));
  const [input, options] = [archive, ["-C", path, "-f", "-"]] as const;
  execFileSync("tar", ["-x", ...options], { input });
  const names = execFileSync("tar", ["-t", ...options], { input })
    .toString()
    .trim()
    .split("\n");
  return { names, path };
}

test("the archive of a context has what the copies take, the directories above, and nothing else", async () => {
  const { names } = await unpacked({ spec, sourceDirectory: join(directory, "source") });
  expect(names).toEqual([
    ...["deep/", "deep/er/", "deep/er/x", "link"],
    ...["src/", "src/.dockerignore", "src/a", "src/c.log", "src/empty/"],
  ]);
});

test("unpacked, and built without an ignore file, it gives the same steps", async () => {
  await put(".obuilderignore", "**/*.log\n");
  const request = { spec, sourceDirectory: join(directory, "source") };
  const { names, path } = await unpacked(request);
  expect(names).not.toContain("src/c.log");
  const idsOf = async (each: BuildRequest) =>
    (await planBuild({ store: new MemoryStore({ images: ["base"] }) }, each)).map(({ id }) => id);
  expect(await idsOf({ spec, sourceDirectory: path, ignoreFile: false })).toEqual(await idsOf(request));
});

test("the directories of the store are left out", async () => {
  const store = Object.assign(new MemoryStore(), { ownDirectories: [join(directory, "source/src/empty")] });
  const request = { spec, sourceDirectory: join(directory, "source") };
  const archive = await buffer(await contextArchive(request, { store }));
  expect(execFileSync("tar", ["-t", "-f", "-"], { input: archive }).toString()).not.toContain("empty");
});

test("the source directory itself has no entry", async () => {
  const whole = parseSpec("((from base) (copy (src .) (dst /x) (exclude src deep)))");
  const { names } = await unpacked({ spec: whole, sourceDirectory: join(directory, "source") });
  expect(names).toEqual(["link", "top"]);
});

test("the archive ends when its reading is cancelled", async () => {
  const controller = new AbortController();
  const request = { spec, sourceDirectory: join(directory, "source") };
  const archive = await contextArchive(request, { store: new MemoryStore(), signal: controller.signal });
  controller.abort(new Error("enough"));
  await expect(buffer(archive)).rejects.toThrow("enough");
});
