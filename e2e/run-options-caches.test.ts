import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "@ob/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { debugfs, newestCacheDisk } from "./support/disks.ts";
import { makeBarrier } from "./support/barrier.ts";
import { build, obuilder, printed, startBuild } from "./support/obuilder.ts";
import { imageName, type TestStore, temporaryStore } from "./support/store.ts";

let store: TestStore;
beforeAll(async () => {
  store = await temporaryStore();
});
afterAll(() => store[Symbol.asyncDispose]());

/** A cache as the original leaves it: one partition, with a file system that the guest created. */
async function leaveOriginalCache(name: string, file: string): Promise<string> {
  const directory = path.join(store.directory, `cache/c-${name}/rootfs`);
  await mkdir(directory, { recursive: true });
  const disk = path.join(directory, "image.qcow2");
  const raw = `${disk}.raw`;
  await run(["truncate", "-s", "40G", raw]);
  await run(["sfdisk", "-q", raw], { input: "start=2048, type=83\n" });
  await run(["mke2fs", "-q", "-t", "ext4", "-E", "offset=1048576", raw, `${40 * 1024 - 1}M`]);
  await run(["debugfs", "-w", "-f", "-", `${path.basename(raw)}?offset=1048576`], {
    cwd: directory,
    input: `write ${file} old\n`,
  });
  await run(["qemu-img", "convert", "-O", "qcow2", raw, disk]);
  await rm(raw);
  return disk;
}

describe("caches", () => {
  it("belong to the step's user, persist from step to step, and are kept from a step that fails", async () => {
    const original = await leaveOriginalCache("original", import.meta.filename);
    const { ino } = await stat(original);
    const result = await build(
      store,
      `((from ${imageName})
        (run (cache (c (target /srv/c)) (original (target /srv/original)))
             (shell "stat -c 'first %U %n' /srv/c; echo one > /srv/c/a; head -1 /srv/original/old"))
        (user (uid 1234) (gid 99))
        (run (cache (c (target "/srv/other place")) (mine (target /srv/mine/deep)))
             (shell "ls /srv/c; stat -c 'second %u:%g %n' /srv/mine/deep; cat '/srv/other place/a'; echo two > '/srv/other place/b'; rm -f '/srv/other place/a' && echo x > /srv/mine/deep/x"))
        (run (cache (c (target /srv/c))) (shell "ls /srv/c; echo three > /srv/c/c; exit 3")))`,
    );
    expect(result.exitCode, result.all).toBe(1);
    expect(result.all).toContain("first opam /srv/c\nimport {");
    // The layer has the empty directory below the mount, but nothing of the cache.
    expect(result.all).toContain("\nsecond 1234:99 /srv/mine/deep\none\n");
    expect(result.all).toMatch(/\nb\n[^]*status 3/);
    expect((await stat(path.join(store.directory, "cache/c-original/ext4/1.qcow2"))).ino).toBe(ino);
    const disk = await newestCacheDisk(store, "c");
    await expect(debugfs(disk, "cat /b")).resolves.toBe("two");
    await expect(debugfs(disk, "cat /c")).resolves.toBe("three");
    await expect(debugfs(await newestCacheDisk(store, "mine"), "stat /x")).resolves.toMatch(
      /User:\s+1234\s+Group:\s+99/,
    );
  });

  it("are all mounted, for any number of caches", async () => {
    const many = Array.from({ length: 17 }, (_, index) => `n${index}`);
    const caches = many.map((name) => `(${name} (target /many/${name}))`).join(" ");
    const result = await build(
      store,
      `((from ${imageName}) (run (cache (c (target /c)) ${caches}) (shell "cat /c/c; cd /many; for d in *; do echo $d > $d/name; done; grep -c ' /many/' /proc/mounts")))`,
    );
    expect(result.exitCode, result.all).toBe(0);
    expect(result.all).toContain("\nthree\n17\n");
    for (const name of ["n0", "n9", "n16"]) {
      await expect(debugfs(await newestCacheDisk(store, name), "cat /name")).resolves.toBe(name);
    }
    const listed = await obuilder(["cache", "ls", `--store=qemu:${store.directory}`]);
    expect(listed.stdout).toMatch(/^original +[\d.]+ MiB +\d+[sm] ago$/m);
    expect(listed.stdout).toMatch(/^20 caches, /m);
  });

  it("lie within each other whatever their order, with secrets below them, and are unmounted in reverse", async () => {
    const key = path.join(store.work, "../nested-key");
    await writeFile(key, "hidden");
    const result = await build(
      store,
      `((from ${imageName})
        (run (shell "sudo mkdir /outer && sudo ln -s /outer/linked /link && sudo mkdir /outer/linked"))
        (workdir /outer)
        (run (cache (linked (target /link)) (inner (target in/.//ner/)) (outer (target /outer)))
             (secrets (one (target /outer/s/one)) (two (target /outer/s/two)))
             (shell "for f in inner outer linked; do echo $f > $f-file; done; mv inner-file in/ner; mv linked-file /link; ls -d /link/* in/ner/*; cat s/*"))
        (workdir /)
        (run (shell "cd /outer; find . -mindepth 1")))`,
      { flags: ["--secret", `one:${key}`, "--secret", `two:${key}`] },
    );
    expect(result.exitCode, result.all).toBe(0);
    expect(result.all).toContain("\n/link/linked-file\nin/ner/inner-file\nhiddenhidden");
    // Only the directory that was there before is in the layer.
    expect(result.all).toContain(`-mindepth 1"))\n./linked\n--->`);
    const [outer, inner, linked] = await Promise.all(
      ["outer", "inner", "linked"].map(async (name) => await newestCacheDisk(store, name)),
    );
    // The outer cache keeps empty directories as mount points, and nothing of the secrets.
    const top = await debugfs(outer ?? "", "ls -p /");
    expect(["in", "linked", "outer-file", "s"].filter((name) => top.includes(`/${name}/`))).toEqual([
      "in",
      "linked",
      "outer-file",
    ]);
    await expect(debugfs(outer ?? "", "ls -p /in/ner")).resolves.not.toContain("file");
    await expect(debugfs(inner ?? "", "cat /inner-file")).resolves.toBe("inner");
    await expect(debugfs(linked ?? "", "cat /linked-file")).resolves.toBe("linked");
  });

  it("that two steps use at the same time are published by the first that ends", async () => {
    await using gate = await makeBarrier();
    const spec = (word: string, command: string) =>
      `((from ${imageName}) (run (cache (race (target /c))) (network host) (shell "ls /c; echo ${word} > /c/${word}; ${command}")))`;
    const slow = await startBuild(store, spec("slow", gate.command));
    await gate.arrived();
    const inUse = await obuilder(["cache", "rm", "race", `--store=qemu:${store.directory}`]);
    expect(inUse.exitCode, inUse.all).toBe(4);
    expect(inUse.all).toContain("The cache race is in use.");
    const quick = await build(store, spec("quick", "true"));
    expect(quick.exitCode, quick.all).toBe(0);
    gate.open();
    const late = await slow.process;
    expect(late.exitCode, late.all).toBe(0);
    const listing = await debugfs(await newestCacheDisk(store, "race"), "ls -p /");
    expect(listing).toContain("/quick/");
    expect(listing).not.toContain("/slow/");
  });

  it("that are locked are used by one step after the other", async () => {
    await using gate = await makeBarrier();
    const spec = (word: string, command: string) =>
      `((from ${imageName}) (run (cache (turn (target /c) (buildkit_options ((sharing locked))))) (network host)
        (shell "echo before: $(ls /c); echo ${word} > /c/${word}; ${command}")))`;
    const first = await startBuild(store, spec("first", gate.command));
    await gate.arrived();
    const second = await startBuild(store, spec("second", "true"), { flags: ["-v"] });
    await printed(second.process, "Waiting for the cache turn");
    gate.open();
    const [one, two] = await Promise.all([first.process, second.process]);
    expect([one.exitCode, two.exitCode], `${one.all}\n${two.all}`).toEqual([0, 0]);
    expect(one.all).toContain("\nbefore:\n");
    expect(two.all).toContain("\nbefore: first\n");
    const listing = await debugfs(await newestCacheDisk(store, "turn"), "ls -p /");
    expect(listing).toContain("/first/");
    expect(listing).toContain("/second/");
  });
});
