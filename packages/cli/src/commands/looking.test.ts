import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { layerId, sha256, storeLayout } from "@ob/core";
import type { FakeGuest } from "@ob/core/testing";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../testing/directory.ts";
import { fakeServices, obuilder } from "../testing/run.ts";

const store = "--store=qemu:/nowhere";
const long = "x".repeat(200);
const spec = `((from debian-12) (run (shell one)) (run (secrets (token (target /t))) (shell "two ${long}")))`;

/** Services whose store holds a base layer and two on top of it; the last has a tag. */
async function builtServices(ephemeralGuest: FakeGuest = {}) {
  await using work = await temporaryDirectory();
  const secret = path.join(work.path, "token");
  await writeFile(secret, "s3cr3t-value");
  const services = fakeServices({ ephemeralGuest });
  const words = ["build", store, "-t", "tools:1.2", "--secret", `token:${secret}`, "-f", "-", "."];
  const { stdout } = await obuilder(words, { services, stdin: spec });
  const ids = [...stdout.matchAll(/saved as "([0-9a-f]{64})"/g)].map((match) => match[1] ?? "");
  const [base = "", one = "", two = ""] = ids;
  const run = async (...args: readonly string[]) =>
    await obuilder([args[0] ?? "", store, ...args.slice(1)], { services });
  const json = async (...args: readonly string[]) => JSON.parse((await run(...args, "--json")).stdout);
  return { services, run, json, base, one, two };
}

describe("ls", () => {
  it("shows each layer, with its tags and its step, in lines that fit", async () => {
    const { run, base, one, two } = await builtServices();
    const { stdout } = await run("ls");
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^ID +BASE +SUB +AGE +USED +SIZE +TAGS +STEP$/);
    expect(lines).toHaveLength(4);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    const lineOf = (id: string) => lines.find((line) => line.startsWith(id.slice(0, 12)));
    expect(lineOf(two)).toMatch(new RegExp(`^\\w{12}  ${one.slice(0, 12)} +0 .* tools:1.2 +\\(run .*…$`));
    expect(lineOf(base)).toMatch(/^\w{12} {2}- +1 .* \(from/);
    expect((await run("list")).stdout).toContain(two.slice(0, 12));
    expect((await run("ls", "--no-trunc")).stdout).toContain(long);
  });

  it("has the documented fields as JSON", async () => {
    const { json, base, one, two } = await builtServices();
    const { layers } = await json("ls");
    const fields = "id tags op heading base children created lastUsed milliseconds bytes".split(" ");
    for (const layer of layers) expect(Object.keys(layer)).toEqual(fields);
    const found = Object.fromEntries(layers.map((layer: { id: string }) => [layer.id, layer]));
    expect(found[one]).toMatchObject({
      tags: [],
      op: "run",
      heading: "/: (run (shell one))",
      base,
      children: [two],
    });
    expect(found[base]).toMatchObject({ op: "from", heading: "(from debian-12)", base: null });
    expect(found[two].tags).toEqual(["tools:1.2"]);
  });
});

describe("history", () => {
  it("shows the steps below a layer, newest first", async () => {
    const { run, json, base, one, two } = await builtServices();
    const { stdout } = await run("history", "tools:1.2");
    const lines = stdout.trimEnd().split("\n");
    expect(lines.slice(1).map((line) => line.slice(0, 12))).toEqual(
      [two, one, base].map((id) => id.slice(0, 12)),
    );
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    const { id, steps } = await json("history", one);
    expect([id, steps.map((step: { id: string }) => step.id)]).toEqual([one, [one, base]]);
    expect((await run("history", "0".repeat(64))).code).toBe(4);
  });
});

describe("inspect", () => {
  it("prints what went into an id, without the values of secrets", async () => {
    const { run, base, one, two } = await builtServices();
    const { stdout } = await run("inspect", "tools:1.2");
    expect(stdout).not.toContain("s3cr3t");
    expect(JSON.parse(stdout)).toMatchObject({
      id: two,
      tags: ["tools:1.2"],
      base: one,
      chain: [{ id: one }, { id: base }],
      inputs: { workdir: "/", command: `two ${long}`, secrets: [{ target: "/t" }] },
      log: `two ${long}`,
    });
    expect((await run("inspect", base.slice(0, 8))).stdout).toContain('"image": "debian-12"');
    expect((await run("inspect", "0".repeat(64))).code).toBe(4);
  });
});

describe("diff", () => {
  /** A guest whose files lie in a directory of the host, one for each layer. */
  async function comparing() {
    const directory = await temporaryDirectory();
    const { services, one, two, run, json } = await builtServices({
      readArchive: function* ({ request: { layer }, path: wanted }) {
        const from = path.join(directory.path, layer === one ? "one" : "two", wanted);
        yield execFileSync("tar", ["--owner=7", "--group=8", "-C", from, "-cf", "-", "."]);
      },
    });
    for (const name of ["one", "two"]) {
      await mkdir(path.join(directory.path, name, "opt"), { recursive: true });
      await writeFile(path.join(directory.path, name, "opt/same"), "same");
      await writeFile(path.join(directory.path, name, "opt/other"), name);
    }
    await writeFile(path.join(directory.path, "one/opt/gone"), "");
    await writeFile(path.join(directory.path, "two/opt/a\u001b[2Jb"), "");
    await writeFile(path.join(directory.path, "two/new"), "");
    return Object.assign(directory, { services, one, two, run, json });
  }

  it("shows what was added, changed and deleted, by path", async () => {
    await using setting = await comparing();
    const { run, json, one, two, services } = setting;
    const { stdout } = await run("diff", one, two);
    expect(stdout).toBe("A /new\nA /opt/ab\nD /opt/gone\nC /opt/other\n");
    expect((await run("diff", "tools:1.2")).stdout).toBe(stdout);
    const { from, to, changes } = await json("diff", "--path", "opt", two, one);
    expect([from, to]).toEqual([two, one]);
    expect(changes).toEqual([
      { kind: "deleted", path: "/opt/a\u001b[2Jb" },
      { kind: "added", path: "/opt/gone" },
      { kind: "changed", path: "/opt/other" },
    ]);
    expect([services.store.openScratchDisks, services.sandbox.openGuests]).toEqual([0, 0]);
  });

  it("needs two layers, or one that is based on another", async () => {
    await using setting = await comparing();
    const { run } = setting;
    const { code, stderr } = await run("diff", layerId(sha256("debian-12")));
    expect([code, stderr]).toEqual([2, expect.stringContaining("is a base layer")]);
  });
});

describe("du", () => {
  it("adds up to what du -s says, and names what can be freed", async () => {
    await using work = await temporaryDirectory();
    const { services, base, one, two } = await builtServices();
    const layout = storeLayout(work.path);
    const sizes = { [base]: 100_000, [one]: 40_000, [two]: 20_000 };
    for (const [id, size] of Object.entries(sizes)) {
      await mkdir(path.join(layout.results, id), { recursive: true });
      await writeFile(path.join(layout.results, id, "disk"), Buffer.alloc(size, 1));
    }
    await mkdir(path.join(layout.qemu, "snapshots/abc"), { recursive: true });
    await writeFile(path.join(layout.qemu, "snapshots/abc/memory"), Buffer.alloc(50_000, 1));
    await mkdir(layout.downloads);
    await writeFile(path.join(layout.downloads, "file"), "x");
    const run = async (...args: readonly string[]) =>
      (await obuilder(["du", `--store=qemu:${work.path}`, ...args], { services })).stdout;
    const usage = JSON.parse(await run("--json"));
    const total = execFileSync("du", ["-s", "--block-size=1", work.path]).toString();
    expect(usage.bytes).toBe(Number.parseInt(total, 10));
    const parts = Object.fromEntries(usage.parts.map((part: { kind: string }) => [part.kind, part]));
    expect(Object.keys(parts)).toEqual([
      "layers",
      "caches",
      "snapshots",
      "images",
      "downloads",
      "unfinished",
      "other",
    ]);
    expect(parts["layers"].count).toBe(3);
    // All are below the tag.
    expect(parts["layers"].reclaimable).toBe(0);
    expect(parts["snapshots"].reclaimable).toBeGreaterThanOrEqual(50_000);
    const found = Object.fromEntries(usage.layers.map((layer: { id: string }) => [layer.id, layer]));
    expect(found[two].sharedBytes).toBe(found[base].bytes + found[one].bytes);
    await services.store.untag("tools:1.2");
    const after = JSON.parse(await run("--json")).parts[0];
    expect(after.reclaimable).toBe(found[base].bytes + found[one].bytes + found[two].bytes);
    const table = await run("-v");
    expect(table).toMatch(/^TYPE +COUNT +SIZE +RECLAIMABLE\nlayers +3 /);
    expect(table).toContain(`\n${base.slice(0, 12)}  `);
    expect(Math.max(...table.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });
});
