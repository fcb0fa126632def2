import { describe, expect, it } from "vitest";
import { obuilder, fakeServices } from "../testing/run.ts";

const store = "--store=qemu:/nowhere";
const spec = "((from debian-12) (run (shell one)) (run (shell two)))";

/** Services whose store holds a base layer and two on top of it, the last with the tags that were given. */
async function builtServices(...tags: readonly string[]) {
  const services = fakeServices();
  const words = tags.flatMap((tag) => ["-t", tag]);
  const run = async (...args: readonly string[]) =>
    await obuilder([args[0] ?? "", store, ...args.slice(1)], { services });
  const build = async (text: string, ...more: readonly string[]) =>
    await obuilder(["build", store, ...more, "-f", "-", "."], { services, stdin: text });
  const plan = async (text: string) => {
    const { stdout } = await obuilder(["plan", "--json", store, "-f", "-", "."], { services, stdin: text });
    return stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { op: string; id: string; base: string | null; cached: boolean });
  };
  const { stdout } = await build(spec, ...words);
  const ids = [...stdout.matchAll(/saved as "([0-9a-f]{64})"/g)].map((match) => match[1] ?? "");
  const [base = "", one = "", two = ""] = ids;
  return { services, run, build, plan, stdout, base, one, two };
}

describe("build -t", () => {
  it("names the last layer, and leaves the transcript as it is", async () => {
    const { services, two, stdout } = await builtServices("tools:1.2", "tools:latest", "tools");
    expect(services.store.tags().map(({ name, id }) => [name, id])).toEqual([
      ["tools", two],
      ["tools:1.2", two],
    ]);
    const plain = await builtServices();
    expect(plain.stdout).toBe(stdout);
  });

  it("names nothing if the build fails, and builds nothing if a name is wrong", async () => {
    const services = fakeServices({ run: () => 1 });
    const failed = await obuilder(["build", store, "-t", "tools", "-f", "-", "."], { services, stdin: spec });
    expect([failed.code, services.store.tags()]).toEqual([1, []]);
    const wrong = await builtServices();
    const result = await wrong.build("((from debian-12) (run (shell three)))", "-t", "../tools");
    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toContain('"../tools" cannot be a tag.');
  });

  it("is accepted by plan", async () => {
    const { services } = await builtServices();
    const result = await obuilder(["plan", store, "-t", "tools", "-f", "-", "."], { services, stdin: spec });
    expect([result.code, services.store.tags()]).toEqual([0, []]);
  });
});

describe("a tag", () => {
  it("names a layer wherever an id does", async () => {
    const { run, two } = await builtServices("tools:1.2");
    expect((await run("log", "tools:1.2")).stdout).toBe("two\n");
    expect((await run("tag", "tools:1.2", "other")).code).toBe(0);
    expect((await run("log", "other:latest")).stdout).toBe("two\n");
    const deleted = await run("delete", "--force", "other");
    expect(deleted.stdout).toBe(`Removing ${two}\nRemoved 1 layer\n`);
  });

  it("moves to the layer that gets it last", async () => {
    const { run, services, one } = await builtServices("tools");
    expect(await run("tag", one.slice(0, 8), "tools")).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(services.store.tags().map(({ id }) => id)).toEqual([one]);
  });

  it("is removed by untag, which knows similar names", async () => {
    const { run, services } = await builtServices("tools");
    const wrong = await run("untag", "tolls");
    expect([wrong.code, wrong.stderr]).toEqual([4, expect.stringContaining("Did you mean tools?")]);
    expect(await run("untag", "tools")).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(services.store.tags()).toEqual([]);
  });

  it("keeps a layer and what it is based on from prune and clean", async () => {
    const { run, services, one, two } = await builtServices();
    await run("tag", one, "tools");
    expect((await run("prune", "--keep=0")).stdout).toBe(`Removing ${two}\nRemoved 1 layer\n`);
    expect((await run("prune", "--keep=0", "--dry-run")).stdout).toBe("Would remove 0 layers\n");
    expect((await run("clean")).stdout).toBe("Removed 0 layers\n");
    expect([...services.store.list()]).toHaveLength(2);
  });

  it("keeps a layer from delete, which says which names would go", async () => {
    const { run, services, one } = await builtServices("b", "a");
    const refused = await run("delete", one);
    expect(refused).toMatchObject({ code: 4, stdout: "" });
    expect(refused.stderr).toContain("a, b");
    expect(refused.stderr).toContain("obuilder delete --force");
    expect((await run("delete", "--force", one)).code).toBe(0);
    expect(services.store.tags()).toEqual([]);
  });

  it.each([
    [["tag", "tools"], "No name is given"],
    [["tag", "tools", "-x"], "Unknown option"],
    [["tag", "tools", "A"], "cannot be a tag"],
    [["tag", "tools", "cafe"], "could be the beginning of a layer's id"],
    [["tag", "../x", "b"], "neither a layer id nor a tag"],
    [["untag"], "No tag is given"],
    [["untag", "a\u001b[2Jb"], "cannot be a tag"],
  ])("refuses %j", async (words, message) => {
    const { run } = await builtServices("tools");
    const { code, stderr } = await run(...words);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
    expect(stderr).not.toContain("\u001b");
  });
});

describe("(from obuilder:NAME)", () => {
  const onTools = "((from obuilder:tools) (run (shell three)))";

  it("starts from the layer, whose id the next step has as its base", async () => {
    const { build, two } = await builtServices("tools");
    const first = await build(onTools);
    expect(first.stdout).toMatch(
      new RegExp(
        `^\\(from obuilder:tools\\)\n---> using "${two}" from cache\n/: \\(run \\(shell three\\)\\)\nthree\n---> saved as`,
      ),
    );
    // What another spec has made on that layer is the same.
    const whole = await build("((from debian-12) (run (shell one)) (run (shell two)) (run (shell three)))");
    expect(whole.stdout.split("\n").at(-2)).toBe(first.stdout.split("\n").at(-2));
    expect((await build(onTools)).stdout).not.toContain("saved as");
  });

  it("plans other steps when the tag moves, in a nested build, too", async () => {
    const { run, plan, one, two } = await builtServices("tools");
    const nested = `((build inner ${onTools}) (from debian-12) (run (shell four)))`;
    const before = await plan(nested);
    expect(before[0]).toMatchObject({ op: "from", id: two, cached: true });
    expect(before[1]?.base).toBe(two);
    await run("tag", one, "tools");
    const after = await plan(nested);
    expect(after[0]?.id).toBe(one);
    expect(after[1]?.id).not.toBe(before[1]?.id);
    expect(after.at(-1)).toEqual(before.at(-1));
  });

  it("of an unknown tag is refused at its place, with similar names", async () => {
    const { build } = await builtServices("tools");
    const { code, stderr, stdout } = await build("((from obuilder:tolls) (run (shell three)))");
    expect([code, stdout]).toEqual([4, ""]);
    expect(stderr).toMatch(
      /^<stdin>:1:8: No layer in the store has the tag "tolls"\.\n[^]*Did you mean tools\?/,
    );
  });

  it("is named in a warning of the conversion to a Dockerfile", async () => {
    const { stdout, stderr } = await obuilder(["dockerfile", "-f", "-"], { stdin: onTools });
    expect(stdout).toContain("FROM obuilder:tools");
    expect(stderr).toContain("obuilder:tools is a tag of a store");
  });
});
