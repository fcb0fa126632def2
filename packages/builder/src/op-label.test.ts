import { expect, test } from "vitest";
import { spec } from "./builds.test.helper.ts";
import { buildFinished, buildHeading, fromHeading, opHeading } from "./op-label.ts";

function heading(workdir: string, op: string): string {
  const [first] = spec(`((from base) ${op})`).ops;
  if (!first) throw new TypeError("no op");
  return opHeading(workdir, first);
}

test("the original's document shows a step like this", () => {
  const cache = String.raw`(cache (opam-archives (target "C:\\Users\\opam\\AppData\\Local\\opam\\download-cache")))`;
  expect(heading("/", `(run ${cache} (shell "opam install tar"))`)).toBe(
    `/: (run ${cache}\n        (shell "opam install tar"))`,
  );
  expect(fromHeading("windows-server-2022-amd64-ocaml-4.14")).toBe(
    "(from windows-server-2022-amd64-ocaml-4.14)",
  );
});

test("the fields of a run are aligned below each other", () => {
  expect(heading("/src", "(run (network host) (shell make))")).toBe(
    "/src: (run (network host)\n           (shell make))",
  );
});

test("the name of an image is quoted if need be, that of a build always", () => {
  expect(fromHeading("a b")).toBe('(from "a b")');
  expect(buildHeading("dev")).toBe('(build "dev" …)');
  expect(buildFinished('d"')).toBe(String.raw`--> finished "d\""`);
});
