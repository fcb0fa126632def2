import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { run } from "@ob/core";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { temporaryDirectory } from "./testing/directory.ts";
import { fakeServices, obuilder } from "./testing/run.ts";

// The host's clock is set back and forth between commands; the store is a real one.
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
beforeAll(async () => {
  directory = await temporaryDirectory();
  const images = path.join(directory.path, "base-image");
  await mkdir(images, { mode: 0o700 });
  await run(["qemu-img", "create", "-q", "-f", "qcow2", path.join(images, "one.qcow2"), "1M"]);
});
afterAll(async () => await directory[Symbol.asyncDispose]());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

const setClock = (time: string): void => {
  vi.useFakeTimers({ now: new Date(time), toFake: ["Date"] });
};

async function command(...argv: readonly string[]): Promise<string> {
  const [name = "", ...rest] = argv;
  const at = `--store=qemu:${directory.path}`;
  const { code, stdout, stderr } = await obuilder([name, ...rest, at], { stdin: "((from one))" });
  expect(code, stderr).toBe(0);
  return stdout;
}
const build = async (...argv: readonly string[]): Promise<string> =>
  /Got: "(\w+)"/.exec(await command("build", "-f", "-", ...argv, "."))?.[1] ?? "";

it("what was used in the future is removed by clean, by limits, and by an age of 0", async () => {
  for (const removal of [
    ["clean"],
    ["prune", "--limit=5"],
    ["prune", "--max-used-space=0"],
    ["prune", "--older-than=0s"],
  ]) {
    setClock("2106-03-01T00:00:00Z");
    const id = await build();
    setClock("2026-11-28T12:00:00Z");
    expect(await command("ls")).toMatch(new RegExp(`${id.slice(0, 12)}.* 0s `));
    // It is not known to be that old.
    expect(await command("prune", "--older-than=7d")).toContain("Removed 0 layers");
    expect(await command(...removal, "--force")).toContain("Removed 1 layer");
    expect(await command("ls", "--json")).not.toContain(id);
  }
});

it("a use sets a time in the future right", async () => {
  setClock("2038-01-20T00:00:00Z");
  const id = await build();
  setClock("2026-11-28T12:00:00Z");
  await build();
  setClock("2026-12-28T12:00:00Z");
  expect(await command("prune", "--older-than=7d")).toContain(id);
});

it("builds are listed in the order in which they ended, with how long they took", async () => {
  setClock("2030-06-01T00:00:00Z");
  await build();
  setClock("1970-06-01T00:00:00Z");
  await build();
  const { builds } = JSON.parse(await command("builds", "ls", "--json"));
  expect(builds.slice(0, 2).map(({ started }: { started: string }) => started.slice(0, 4))).toEqual([
    "1970",
    "2030",
  ]);
});

it("a build during which the clock jumps has its own length, and times that fit", async () => {
  const metadata = path.join(directory.path, "build.json");
  setClock("2026-11-28T12:00:00Z");
  const jumps = ["2027-06-01", "2025-06-01"];
  const services = fakeServices({ run: () => void vi.setSystemTime(new Date(jumps.shift() ?? 0)) });
  const stdin = '((from debian-12) (run (shell "one")) (run (shell "two")))';
  const at = "--store=qemu:/nowhere";
  const built = await obuilder(["build", at, "-f", "-", "--metadata-file", metadata, "."], {
    services,
    stdin,
  });
  expect(built.code, built.stderr).toBe(0);
  const listed = await obuilder(["builds", "ls", "--json", at], { services });
  const [record] = JSON.parse(listed.stdout).builds;
  for (const times of [record, JSON.parse(await readFile(metadata, "utf8"))]) {
    expect(times.milliseconds).toBeLessThan(3_600_000);
    const took = Date.parse(times.finished) - Date.parse(times.started);
    expect([took >= 0, took < 3_600_000]).toEqual([true, true]);
    expect(times.finished).toMatch(/^2025-0[56]-/);
  }
});

it("times are shown in UTC or as ages, so that a change to summer time moves none", async () => {
  vi.stubEnv("TZ", "Europe/Berlin");
  // Clocks there go from 02:00 to 03:00 at 01:00 UTC.
  setClock("2027-03-28T00:59:00Z");
  await build();
  setClock("2027-03-28T01:01:00Z");
  expect(await command("builds", "ls")).toMatch(/ 2m ago /);
  expect(await command("ls", "--json")).toContain("2027-03-28T00:59:00.000Z");
  const { builds } = JSON.parse(await command("builds", "ls", "--json"));
  // The clock that the length is measured by goes on.
  expect(Math.abs(Date.parse(builds[0].finished) - Date.parse("2027-03-28T00:59:00Z"))).toBeLessThan(60_000);
  expect(builds[0].finished).toMatch(/Z$/);
  // And back, when the hour from 02:00 comes twice.
  setClock("2027-10-31T00:30:00Z");
  await build();
  setClock("2027-10-31T01:30:00Z");
  expect(await command("builds", "ls")).toMatch(/ 1h ago /);
});
