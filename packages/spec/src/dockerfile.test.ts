import { expect, test } from "vitest";

import { toDockerfile } from "./dockerfile.ts";
import { parseSpec } from "./parse.ts";

function convert(ops: string, options: Parameters<typeof toDockerfile>[1]): string {
  return toDockerfile(parseSpec(`((from base) ${ops})`, { file: "test.spec" }), options);
}

test("continues the lines of a command with the escape character", () => {
  const run = String.raw`(run (shell "set -e\n  make\t\n"))`;
  expect(convert(run, { escape: "unix" })).toBe("FROM base\nRUN set -e \\\n    make \\\n    \n");
  expect(convert(run, { escape: "windows" })).toBe("#escape=`\nFROM base\nRUN set -e `\n    make `\n    \n");
});

test("mounts secrets and then caches with --buildkit, and omits them without it", () => {
  const run = `(user (uid 5) (gid 6))
    (run (cache (c (target /c) (buildkit_options ((sharing locked) (ro true))))) (secrets (s (target /s))) (shell x))`;
  expect(convert(run, { escape: "unix", buildkit: true })).toBe(
    "FROM base\nUSER 5:6\n" +
      "RUN --mount=type=secret,id=s,target=/s,uid=5 --mount=type=cache,id=c,target=/c,uid=5,sharing=locked,ro=true x\n",
  );
  expect(convert(run, { escape: "unix" })).toBe("FROM base\nUSER 5:6\nRUN x\n");
});

test("omits a network and a restart, which Dockerfiles do not have", () => {
  const run = "(run (network host) (restart allowed) (shell x))";
  expect(convert(run, { escape: "unix", buildkit: true })).toBe("FROM base\nRUN x\n");
});

test("writes no uid for a user by name, where the original fails", () => {
  const run = "(user (name opam)) (run (cache (c (target /c))) (shell x))";
  expect(convert(run, { escape: "unix", buildkit: true })).toBe(
    "FROM base\nUSER opam\nRUN --mount=type=cache,id=c,target=/c x\n",
  );
  const windows = { escape: "windows", buildkit: true } as const;
  expect(convert("(run (secrets (s (target C:/s))) (shell x))", windows)).toBe(
    "#escape=`\nFROM base\nRUN --mount=type=secret,id=s,target=C:/s x\n",
  );
});

test("gives copied files to the user, except for root and for a user by name", () => {
  const copies = `(copy (src a) (dst b)) (user (uid 0) (gid 1)) (copy (src a) (dst b))
    (user (uid 0) (gid 0)) (copy (src a) (dst b)) (user (name x)) (copy (src a) (dst b))`;
  expect(convert(copies, { escape: "unix" }).match(/^COPY.*/gm)).toStrictEqual([
    "COPY a b",
    "COPY --chown=0:1 a b",
    "COPY a b",
    "COPY a b",
  ]);
});
