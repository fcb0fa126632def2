import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { obuilder } from "./support/obuilder.ts";
import { imageName, temporaryStore, type TestStore } from "./support/store.ts";

let store: TestStore;
beforeAll(async () => {
  store = await temporaryStore();
});
afterAll(() => store[Symbol.asyncDispose]());

/** In milliseconds, for some forty machines and steps under emulation, on a machine that may be loaded. */
const timeout = 1_800_000;

it(
  "`image check --deep` passes every case on the default image, reports it, and leaves the store as it was",
  async () => {
    const file = path.join(store.work, "report.md");
    const files = async () => (await readdir(store.directory, { recursive: true })).toSorted();
    const before = await files();
    const flags = [`--store=qemu:${store.directory}`, "--qemu-memory=1", "--qemu-boot-time=120"];
    const argv = ["image", "check", "--deep", imageName, "--json", "--report", file, ...flags];
    const checked = await obuilder(argv);
    const report = JSON.parse(checked.stdout);
    const others = report.cases.filter(({ outcome }: { outcome: string }) => outcome !== "passed");
    // Where the host has no address, no guest can be shown to reach it or not.
    const unexpected = others.filter(({ reason }: { reason: string }) => !reason.startsWith("This host "));
    expect(unexpected).toEqual([]);
    expect(checked.exitCode, checked.all).toBe(0);
    expect(report).toMatchObject({
      passed: true,
      image: { name: imageName, hasManifest: true },
    });
    expect(report.guest.release).toMatch(/^Debian GNU\/Linux 12/);
    expect(report.starts.reused).toBeGreaterThan(10);
    expect(report.starts.resumed).toBeGreaterThan(0);
    expect(report.timings.map(({ what }: { what: string }) => what)).toEqual(
      expect.arrayContaining([
        "boot, to the login",
        "run, whole step in a reused machine",
        "run, whole step in a machine of its own",
        "phase flush",
      ]),
    );

    const text = await readFile(file, "utf8");
    expect(text).toContain(`# Life cycle of \`${imageName}\`: passed`);
    expect(text).not.toContain(store.directory);
    expect(text).not.toContain("id_ed25519");
    const made = (await files()).filter((each) => !before.includes(each));
    // The directory of locks is empty again.
    expect(made).toEqual(["image-checks", "locks"].map((name) => path.join("state", name)));
  },
  timeout,
);
