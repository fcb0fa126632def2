import { describe, expect, it } from "vitest";
import { obuilder, fakeServices } from "../testing/run.ts";

const store = "--store=qemu:/nowhere";
const spec = "((from debian-12) (run (shell one)) (run (shell two)))";

/** Services whose store holds a base layer and two on top of it. */
async function builtServices() {
  const services = fakeServices();
  const { stdout } = await obuilder(["build", store, "-f", "-", "."], { services, stdin: spec });
  const ids = [...stdout.matchAll(/saved as "([0-9a-f]{64})"/g)].map((match) => match[1] ?? "");
  const [base = "", one = "", two = ""] = ids;
  return { services, base, one, two };
}

describe("delete", () => {
  it("prints what it deletes: first the layers based on it, then the layer", async () => {
    const { services, one, two } = await builtServices();
    const result = await obuilder(["delete", store, one], { services });
    expect(result).toEqual({
      code: 0,
      stdout: `Removing ${two}\nRemoving ${one}\nRemoved 2 layers\n`,
      stderr: "",
    });
    expect([...services.store.list()]).toHaveLength(1);
    // Guests that were saved on a layer go with it.
    expect(services.pruned).toEqual([1]);
  });

  it("finds a layer by a prefix of its id", async () => {
    const { services, two } = await builtServices();
    const result = await obuilder(["delete", store, two.slice(0, 12).toUpperCase()], { services });
    expect(result.stdout).toBe(`Removing ${two}\nRemoved 1 layer\n`);
  });

  it("refuses an invalid id, and an unknown one", async () => {
    const { services } = await builtServices();
    const noId = await obuilder(["delete", store, "layer"], { services });
    expect(noId.code).toBe(4);
    expect(noId.stderr).toContain('No layer in the store has the tag "layer".');
    const noName = await obuilder(["delete", store, "../layer"], { services });
    expect(noName.code).toBe(2);
    expect(noName.stderr).toContain('"../layer" is neither a layer id nor a tag.');
    const unknown = await obuilder(["delete", store, "0".repeat(64)], { services });
    expect(unknown.code).toBe(4);
    expect(unknown.stderr).toContain("0".repeat(64));
    const beginning = await obuilder(["delete", store, "0123456789"], { services });
    expect(beginning).toMatchObject({ code: 4, stdout: "" });
    expect(beginning.stderr).toContain("No layer in the store matches 0123456789.\nHint:");
    const none = await obuilder(["delete", store], { services });
    expect(none).toMatchObject({ code: 2, stdout: "" });
  });
});

describe("clean", () => {
  it("deletes every layer once", async () => {
    const { services, base, one, two } = await builtServices();
    const result = await obuilder(["clean", store], { services });
    expect(result).toEqual({
      code: 0,
      stdout: `Removing ${two}\nRemoving ${one}\nRemoving ${base}\nRemoved 3 layers\n`,
      stderr: "",
    });
    expect(services.pruned).toEqual([0]);
    expect((await obuilder(["clean", store], { services })).stdout).toBe("Removed 0 layers\n");
  });
});

describe("prune", () => {
  it("deletes the layers beyond --keep, and at most --limit", async () => {
    const { services, base, one, two } = await builtServices();
    const limited = await obuilder(["prune", store, "--keep=0", "--limit=1"], { services });
    expect(limited.stdout).toBe(`Removing ${two}\nRemoved 1 layer\n`);
    const kept = await obuilder(["prune", store, "--keep=1"], { services });
    expect(kept.stdout).toBe(`Removing ${one}\nRemoved 1 layer\n`);
    expect([...services.store.list()].map(({ id }) => id)).toEqual([base]);
  });

  it("keeps what was used since --older-than", async () => {
    const { services } = await builtServices();
    const result = await obuilder(["prune", store, "--older-than", "1h"], { services });
    expect(result).toMatchObject({ code: 0, stdout: "Removed 0 layers\n" });
    expect((await obuilder(["prune", store, "--older-than", "0s"], { services })).code).toBe(0);
  });

  it("only prints what would be deleted with --dry-run", async () => {
    const { services, one, two } = await builtServices();
    const result = await obuilder(["prune", store, "--keep", "1", "--dry-run"], { services });
    expect(result.stdout).toBe(`Would remove ${two}\nWould remove ${one}\nWould remove 2 layers\n`);
    expect([...services.store.list()]).toHaveLength(3);
  });

  it("needs a filter", async () => {
    const result = await obuilder(["prune", store], { services: fakeServices() });
    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toContain("--older-than, --keep or --limit");
  });
});
