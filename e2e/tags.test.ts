import { readFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { build, builtId, obuilder } from "./support/obuilder.ts";
import { imageName, temporaryStore } from "./support/store.ts";

const machine = ["--qemu-memory", "512M", "--qemu-boot-time", "120"];
const step = (command: string) => `(run (shell "sudo sh -c '${command}'"))`;
const setUp = step(
  "mkdir /srv/app && echo 1 > /srv/app/version && touch /srv/app/old && ln /srv/app/old /srv/app/twin",
);

test("a layer with a name is found by it, listed, compared, kept, and what another spec starts from", async () => {
  await using store = await temporaryStore();
  const run = async (command: string, ...args: readonly string[]) =>
    await obuilder([command, `--store=qemu:${store.directory}`, ...args]);
  const first = await build(store, `((from ${imageName}) ${setUp})`, { flags: ["-t", "app:1", "-t", "app"] });
  expect(first.exitCode, first.all).toBe(0);
  const one = builtId(first.all);

  const change = step("echo 2 > /srv/app/version && rm /srv/app/twin && touch /srv/app/new");
  const second = await build(store, `((from obuilder:app) ${change})`, { flags: ["-t", "app:2"] });
  expect(second.exitCode, second.all).toBe(0);
  expect(second.all).toContain(`(from obuilder:app)\n---> using "${one}" from cache\n/: (run`);
  const two = builtId(second.all);

  const { layers } = JSON.parse((await run("ls", "--json")).stdout);
  const found = Object.fromEntries(layers.map((layer: { id: string }) => [layer.id, layer]));
  expect(found[one]).toMatchObject({ tags: ["app", "app:1"], op: "run", children: [two] });
  expect(found[two]).toMatchObject({ tags: ["app:2"], base: one });
  expect(found[two].bytes).toBeGreaterThan(100_000);
  expect(found[two].milliseconds).toBeGreaterThan(0);

  const history = await run("history", "app:2");
  expect(
    history.stdout
      .split("\n")
      .slice(1)
      .map((line) => line.slice(0, 12)),
  ).toEqual([two, one, found[one].base].map((id: string) => id.slice(0, 12)));
  const differences = await run("diff", ...machine, "--path", "/srv", "app", "app:2");
  expect(differences.stdout, differences.all).toBe("A /srv/app/new\nD /srv/app/twin\nC /srv/app/version");

  const usage = JSON.parse((await run("du", "--json")).stdout);
  const { stdout: total } = await execa("du", ["-s", "--block-size=1", store.directory]);
  // While the command counts it has the database open, whose shared memory is a file of 32 KiB.
  expect(Math.abs(usage.bytes - Number.parseInt(total, 10))).toBeLessThanOrEqual(65_536);

  expect((await run("prune", "--keep", "0")).stdout).toBe("Removed 0 layers");
  expect((await run("delete", one)).exitCode).toBe(4);
  expect((await run("untag", "app:2")).exitCode).toBe(0);
  expect((await run("prune", "--keep", "0")).stdout).toBe(`Removing ${two}\nRemoved 1 layer`);
  expect(JSON.parse((await run("inspect", "app")).stdout)).toMatchObject({ id: one, children: [] });
}, 400_000);

test("args, a target, builds without the cache, a report and a metadata file go together", async () => {
  await using store = await temporaryStore();
  const spec = `(
    (build tools ((from ${imageName}) (arg VERSION 1) (run (shell "echo made $VERSION; head -c8 /dev/urandom | od"))))
    (from ${imageName})
    (run (shell "true"))
  )`;
  const metadataFile = path.join(store.work, "build.json");
  const report = path.join(store.work, "build.html");
  const flags = ["--metadata-file", metadataFile, "--report", report, "--build-arg", "VERSION=2", "-j", "1"];
  const made = async (...more: readonly string[]) => {
    const built = await build(store, spec, { flags: [...flags, ...more] });
    expect(built.exitCode, built.all).toBe(0);
    const metadata = JSON.parse(await readFile(metadataFile, "utf8"));
    expect(metadata).toMatchObject({ outcome: "succeeded", id: builtId(built.all) });
    expect(await readFile(report, "utf8")).toContain(metadata.id.slice(0, 12));
    const outcomes: readonly string[] = metadata.steps.map(
      ({ build: [name = "main"], op, outcome }: { build: readonly string[]; op: string; outcome: string }) =>
        `${name} ${op} ${outcome}`,
    );
    return { id: metadata.id as string, outcomes, all: built.all };
  };

  const target = await made("--target", "tools");
  // The target is the build: it is in no other.
  expect(target.outcomes).toEqual(["main from saved", "main run saved"]);
  expect(target.all).toContain("\nmade 2\n");
  const whole = await made("--no-cache-filter", "tools", "-t", "whole");
  expect(whole.outcomes).toEqual([
    "tools from cached",
    "tools run saved",
    "main from cached",
    "main run saved",
  ]);
  const again = await made("--target", "tools", "--no-cache");
  expect(again.outcomes.at(-1)).toBe("main run saved");
  expect(new Set([target.id, whole.id, again.id]).size).toBe(3);
  // What was run without the cache is what later builds use.
  expect((await made("--target", "tools")).id).toBe(again.id);
}, 400_000);
