import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type CopyOp, parseSpec } from "@ob/spec";
import { extract } from "tar-stream";
import { describe, expect, test } from "vitest";
import { resolveGuestPath, resolveInGuest } from "../context.ts";
import { generateManifest } from "../source/manifest.ts";
import { sourceArchive } from "./source-archive.ts";

const page = await readFile(path.join(import.meta.dirname, "../../../../docs/spec.md"), "utf8");

/** The rows of the table of a section, each as the code in its cells. */
function rowsOf(heading: string): readonly (readonly string[])[] {
  const section = page.split(/^#{2,3} /m).find((each) => each.startsWith(`${heading}\n`)) ?? "";
  const lines = section.split("\n").filter((line) => line.startsWith("| "));
  return lines.slice(2).map((line) => [...line.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code));
}

/** The paths of the files that a copy makes in the guest. */
async function copied({ sources, destination }: CopyOp, at: { workdir: string; sourceDirectory: string }) {
  const { workdir, sourceDirectory } = at;
  const manifests = await Promise.all(sources.map((source) => generateManifest(source, { sourceDirectory })));
  const transfer = {
    sourceDirectory,
    manifests,
    destination: resolveInGuest(workdir, destination),
    user: undefined,
  };
  const found: string[] = [];
  const reader = extract();
  reader.on("entry", ({ name, type }, body, next) => {
    if (type === "file") found.push(`/${name}`);
    body.on("end", next).resume();
  });
  const { promise: read, resolve, reject } = Promise.withResolvers<void>();
  reader.on("finish", resolve).on("error", reject);
  sourceArchive(transfer, { owner: { uid: 0, gid: 0 } }).pipe(reader);
  await read;
  return found;
}

describe("docs/spec.md", () => {
  const rows = rowsOf("What a copy makes");

  test("has a table of copies", () => {
    expect(rows.length).toBeGreaterThan(10);
  });

  test.each(rows)("says what %s, %s makes", async (workdir = "", fields = "", ...made) => {
    const sourceDirectory = await mkdtemp(path.join(tmpdir(), "ob-docs-"));
    try {
      for (const file of ["data/x", "a.txt", "sub/b.txt"]) {
        await mkdir(path.join(sourceDirectory, path.dirname(file)), { recursive: true });
        await writeFile(path.join(sourceDirectory, file), file);
      }
      const [op] = parseSpec(`((from base) (copy ${fields}))`).ops;
      if (op?.op !== "copy") expect.unreachable();
      else expect(await copied(op, { workdir, sourceDirectory })).toEqual(made);
    } finally {
      await rm(sourceDirectory, { recursive: true });
    }
  });

  test("says what paths are relative to", async () => {
    expect(rowsOf("Paths").length).toBe(6);
    expect(resolveGuestPath("/", "src")).toBe("/src");
    expect(resolveGuestPath("/src", "sub")).toBe("/src/sub");
    expect(resolveInGuest("/src", "dst")).toBe("/src/dst");
    expect(resolveGuestPath("/src", "~/.cache")).toBe("/src/~/.cache");
    await expect(generateManifest("../x", { sourceDirectory: "/tmp" })).rejects.toThrow('with ".."');
  });
});
