import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseImageManifest } from "@ob/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { build } from "../support/obuilder.ts";
import { imageName, temporaryStore, type TestStore } from "../support/store.ts";

const example = path.resolve(import.meta.dirname, "../../examples/own-guest/guest.ts");
const flags = ["--guest-profile", example];

let store: TestStore;
beforeAll(async () => {
  store = await temporaryStore();
  const file = path.join(store.directory, "base-image", `${imageName}.json`);
  const manifest = parseImageManifest(await readFile(file, "utf8"), file);
  // It is a hard link to the file in the default store.
  await rm(file);
  await writeFile(file, JSON.stringify({ ...manifest, guestOs: "plain-posix" }));
  await writeFile(path.join(store.work, "file"), "copied\n");
});
afterAll(() => store[Symbol.asyncDispose]());

describe("a guest with a user's own profile", () => {
  it("builds: from, copy, run, user, failure", async () => {
    const spec = `((from ${imageName})
      (copy (src file) (dst /srv/in/))
      (workdir /srv/it's/here)
      (env GREETING "it's $HOME")
      (run (shell "echo login: $(id -un) $(pwd) $GREETING; cat /srv/in/file; ls -ld /srv/in; cat"))
      (user (uid 0) (gid 0))
      (shell /bin/sh -c)
      (run (shell "echo root: $(id -u) $(cat /srv/in/file); exit 3")))`;
    const result = await build(store, spec, { flags });
    expect(result.all).toMatch(/^login: opam \/srv\/it's\/here it's \$HOME$/m);
    expect(result.all).toMatch(/^drwxr-xr-x +\d+ opam opam .* \/srv\/in$/m);
    expect(result.all).toMatch(/^root: 0 copied$/m);
    expect(result.all).toContain("The command failed with exit status 3.");
    expect(result.exitCode).toBe(1);
  });

  it("rejects, before a VM starts, what its profile does not support", async () => {
    const spec = `((from ${imageName}) (run (cache (c (target /c))) (shell true)))`;
    const result = await build(store, spec, { flags });
    expect(result.all).toContain("This guest has no caches and no secrets.");
    expect(result.exitCode).not.toBe(0);
  });

  it("cannot be built without its profile, and the error lists the known ones", async () => {
    const result = await build(store, `((from ${imageName}) (run (shell true)))`);
    expect(result.all).toContain(
      'There is no guest profile for "plain-posix", only for linux, openbsd, windows.',
    );
    expect(result.exitCode).not.toBe(0);
  });
});
