import { parseSpec } from "@ob/spec";
import { describe, expect, test } from "vitest";
import { bench, request } from "./builds.test.helper.ts";
import { targetClashes } from "./mount-targets.ts";

/** Each clash as `NAME KIND EARLIER`. */
function clashesOf(text: string): readonly string[] {
  return targetClashes(parseSpec(text, { file: "test.spec" })).map(
    ({ mount, earlier, kind }) => `${mount.name} ${kind} ${earlier.name}`,
  );
}

const specWith = (fields: string): string =>
  `((from base) (workdir /) (workdir x) (run ${fields} (shell "true")))`;
const cachesAt = (a: string, b: string): string =>
  specWith(`(cache (a (target ${JSON.stringify(a)})) (b (target ${JSON.stringify(b)})))`);

describe("two caches or secrets of one run", () => {
  test.each([
    ["/x/y", "/x/y"],
    ["/x/y", "/x//y/"],
    ["/x/y", "/x/./z/../y"],
    ["y", "/x/y"],
    [".", "/x"],
    ["/", "/../"],
    [String.raw`C:\x\y`, "c:/X/y"],
    [String.raw`C:\x`, "/cygdrive/c/X/"],
  ])("with the targets %j and %j clash", (a, b) => {
    expect(clashesOf(cachesAt(a, b))).toEqual(["b same a"]);
  });

  test.each([
    ["/x/y", "/x/Y"],
    ["/x/y", "/x/y/z"],
    ["/xy", "/x"],
    [String.raw`C:\x`, String.raw`D:\x`],
    [String.raw`/x\y`, "/x/y"],
  ])("with the targets %j and %j do not clash", (a, b) => {
    expect(clashesOf(cachesAt(a, b))).toEqual([]);
  });

  test("clash if both are secrets, or a cache is where a secret is", () => {
    expect(clashesOf(specWith("(secrets (s (target /x)) (t (target /x/)))"))).toEqual(["t same s"]);
    expect(clashesOf(specWith("(secrets (s (target /x))) (cache (c (target /x)))"))).toEqual(["s same c"]);
  });

  test("clash if one is below a secret; a secret may be below a cache", () => {
    const below = specWith("(cache (c (target /s/deep/c))) (secrets (s (target /s)))");
    expect(clashesOf(below)).toEqual(["c in a secret s"]);
    expect(clashesOf(specWith("(cache (c (target /s))) (secrets (s (target /s/deep/s)))"))).toEqual([]);
  });

  test("clash in nested builds too, but only within one run", () => {
    const twice = '(run (cache (a (target /x)) (b (target /x))) (shell "true"))';
    const apart = '(run (cache (a (target /x))) (shell "true"))';
    expect(clashesOf(`((build n ((from base) ${twice})) (from base) ${apart} ${apart} ${twice})`)).toEqual([
      "b same a",
      "b same a",
    ]);
  });

  test("are refused before anything is built if they clash and the sandbox cannot mount both", async () => {
    const clashing = request(
      `((build n ((from base) (run (shell "true")))) ${cachesAt("/x/y", "y").slice(1)}`,
    );
    await using strict = bench({ distinctTargets: true });
    await expect(strict.builder.build(clashing)).rejects.toMatchObject({
      code: "BAD_SPEC",
      message: 'In one step the cache "b" has the target of the cache "a": "y".',
    });
    expect(strict.events).toEqual([]);
    await expect(strict.builder.build(request(cachesAt("/x/y", "/x")))).resolves.toBeDefined();
    await using lax = bench();
    await expect(lax.builder.build(clashing)).resolves.toBeDefined();
  });
});
