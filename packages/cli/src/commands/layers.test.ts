import { describe, expect, it } from "vitest";
import { obuilder, fakeServices } from "../testing/run.ts";

const store = "--store=qemu:/nowhere";
const spec = "((from debian-12) (run (shell one)) (run (shell two)))";

/** An engine whose store holds a base layer and two on top of it. */
async function builtEngine() {
  const engine = fakeServices();
  const { stdout } = await obuilder(["build", store, "-f", "-", "."], { engine, stdin: spec });
  const ids = [...stdout.matchAll(/saved as "([0-9a-f]{64})"/g)].map((match) => match[1] ?? "");
  const [base = "", one = "", two = ""] = ids;
  return { engine, base, one, two };
}

describe("delete", () => {
  it("says what goes: the layer, and before it what stands on it", async () => {
    const { engine, one, two } = await builtEngine();
    const result = await obuilder(["delete", store, one], { engine });
    expect(result).toEqual({
      code: 0,
      stdout: `Removing ${two}\nRemoving ${one}\nRemoved 2 layers\n`,
      stderr: "",
    });
    expect([...engine.store.list()]).toHaveLength(1);
    // Guests that were saved on a layer go with it.
    expect(engine.swept).toEqual([1]);
  });

  it("finds a layer by the beginning of its id", async () => {
    const { engine, two } = await builtEngine();
    const result = await obuilder(["delete", store, two.slice(0, 12).toUpperCase()], { engine });
    expect(result.stdout).toBe(`Removing ${two}\nRemoved 1 layer\n`);
  });

  it("refuses what is no id, and one that is not in the store", async () => {
    const { engine } = await builtEngine();
    const noId = await obuilder(["delete", store, "layer"], { engine });
    expect(noId.code).toBe(2);
    expect(noId.stderr).toContain('"layer" is not a layer id.');
    const unknown = await obuilder(["delete", store, "0".repeat(64)], { engine });
    expect(unknown.code).toBe(4);
    expect(unknown.stderr).toContain("0".repeat(64));
    const beginning = await obuilder(["delete", store, "0123456789"], { engine });
    expect(beginning).toMatchObject({ code: 4, stdout: "" });
    expect(beginning.stderr).toContain("No layer in the store begins with 0123456789.\nHint:");
    const none = await obuilder(["delete", store], { engine });
    expect(none).toMatchObject({ code: 2, stdout: "" });
  });
});

describe("clean", () => {
  it("deletes every layer, and none twice", async () => {
    const { engine, base, one, two } = await builtEngine();
    const result = await obuilder(["clean", store], { engine });
    expect(result).toEqual({
      code: 0,
      stdout: `Removing ${two}\nRemoving ${one}\nRemoving ${base}\nRemoved 3 layers\n`,
      stderr: "",
    });
    expect(engine.swept).toEqual([0]);
    expect((await obuilder(["clean", store], { engine })).stdout).toBe("Removed 0 layers\n");
  });
});

describe("prune", () => {
  it("deletes as many as are more than --keep, and at most --limit", async () => {
    const { engine, base, one, two } = await builtEngine();
    const limited = await obuilder(["prune", store, "--keep=0", "--limit=1"], { engine });
    expect(limited.stdout).toBe(`Removing ${two}\nRemoved 1 layer\n`);
    const kept = await obuilder(["prune", store, "--keep=1"], { engine });
    expect(kept.stdout).toBe(`Removing ${one}\nRemoved 1 layer\n`);
    expect([...engine.store.list()].map(({ id }) => id)).toEqual([base]);
  });

  it("leaves what was used since --older-than", async () => {
    const { engine } = await builtEngine();
    const result = await obuilder(["prune", store, "--older-than", "1h"], { engine });
    expect(result).toMatchObject({ code: 0, stdout: "Removed 0 layers\n" });
    expect((await obuilder(["prune", store, "--older-than", "0s"], { engine })).code).toBe(0);
  });

  it("only says what would go with --dry-run", async () => {
    const { engine, one, two } = await builtEngine();
    const result = await obuilder(["prune", store, "--keep", "1", "--dry-run"], { engine });
    expect(result.stdout).toBe(`Would remove ${two}\nWould remove ${one}\nWould remove 2 layers\n`);
    expect([...engine.store.list()]).toHaveLength(3);
  });

  it("wants to know what to delete", async () => {
    const result = await obuilder(["prune", store], { engine: fakeServices() });
    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toContain("--older-than, --keep or --limit");
  });
});
