import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileIdentity, sha256 } from "@ob/core";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ContentDigests } from "./content-digests.ts";

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "content-digests-"));
  file = join(directory, "layer");
  await writeFile(file, "the layer");
});
afterEach(async () => await rm(directory, { recursive: true }));

it("a digest that was computed is not computed again, whatever is in the file's place by now", async () => {
  using digests = new ContentDigests();
  const identity = await fileIdentity(file);
  const digested = { ...identity, sha256: sha256("the layer") };
  await expect(digests.of(identity)).resolves.toEqual(digested);
  await rm(file);
  await expect(digests.of(identity)).resolves.toEqual(digested);
});

it("a file that is another by now has no digest, nor has one that is missing; both are looked at again", async () => {
  using digests = new ContentDigests();
  const identity = await fileIdentity(file);
  await writeFile(file, "another layer");
  await expect(digests.of(identity)).resolves.toBeUndefined();
  await rm(file);
  await expect(digests.of(identity)).rejects.toMatchObject({ code: "ENOENT" });
});

it("nothing is computed after the end, and what was begun and fails is not an unhandled rejection", async () => {
  const digests = new ContentDigests();
  digests.begin([await fileIdentity(file), { path: join(directory, "none"), id: "" }]);
  digests[Symbol.dispose]();
  await expect(digests.of(await fileIdentity(file))).rejects.toThrow("aborted");
});
