import { expect, it } from "vitest";
import { commands } from "../commands/registry.ts";
import type { Candidate, FindNames } from "./candidate.ts";
import { complete } from "./complete.ts";

const names: Readonly<Record<string, readonly string[]>> = {
  build: ["5f0c21aa00bb"],
  cache: ["opam"],
  image: ["debian-12-amd64", "mine"],
  layer: ["tools:1.2", "8a897f21e54d"],
  recipe: ["busybox"],
  tag: ["tools:1.2"],
};
const asked: (string | undefined)[] = [];
const findNames: FindNames = async (kind, store) => {
  asked.push(store);
  return (names[kind] ?? []).map((word): Candidate => ({ word }));
};

async function completed(...words: readonly string[]) {
  const { candidates, paths } = await complete(words, findNames);
  return [...candidates.map(({ word }) => word), ...(paths === undefined ? [] : [`:${paths}`])];
}

it("completes commands, without their second names", async () => {
  const all = await completed("");
  expect(all).toEqual(Object.keys(commands).filter((name) => commands[name]?.alias !== true));
  expect(all).not.toContain("list");
  expect(await completed("im")).toEqual(["image"]);
  expect(await completed("-q", "im")).toEqual(["image"]);
  expect(await completed("nonsense", "")).toEqual([]);
});

it.each([
  [
    ["image", "pu"],
    ["push", "pull"],
  ],
  [
    ["image", "rm", ""],
    ["debian-12-amd64", "mine"],
  ],
  [["image", "--json", "rm", "m"], ["mine"]],
  [
    ["image", "build", ""],
    ["busybox", ":directories"],
  ],
  [["image", "push", "mine", ""], []],
  [["cache", "rm", "--store", "qemu:/s", ""], ["opam"]],
  [
    ["help", "cl"],
    ["cluster", "clean"],
  ],
  [
    ["help", "cluster", ""],
    ["status", "drain", "key"],
  ],
  [["untag", ""], ["tools:1.2"]],
  [["report", "5"], ["5f0c21aa00bb"]],
  [["builds", "rm", ""], ["5f0c21aa00bb"]],
  [["fmt", "a.spec", ""], [":files"]],
  [["lint", "--format", "g"], ["github"]],
  [["cp", "t"], ["tools:1.2:"]],
  [["cp", "tools:1.2:/e"], []],
  [["cp", "tools:1.2:/etc", ""], [":files"]],
  [["diff", "8a89", "8"], ["8a897f21e54d"]],
  [["shell", "tools:1.2", "--", "ls", ""], [":files"]],
  [
    ["completion", ""],
    ["bash", "fish", "zsh"],
  ],
])("completes the arguments of %j", async (words, expected) => {
  expect(await completed(...words)).toEqual(expected);
});

it.each([
  [["build", "--progress", "t"], ["tty"]],
  [["build", "--progress=j"], ["--progress=json"]],
  [["build", "--store="], ["--store=qemu:"]],
  [["build", "--store=qemu:/v"], [":directories"]],
  [["build", "-f", ""], [":files"]],
  [["build", "-fx.spec", ""], [":directories"]],
  [["build", "-vvf", ""], [":files"]],
  [["healthcheck", "--image", "m"], ["mine"]],
  [
    ["image", "check", "--gu"],
    ["--guest-os=", "--guest-arch="],
  ],
  [["image", "rm", "--gu"], []],
  [["build", "--nonsense", "--prog"], ["--progress="]],
  [["build", "--progress=tty", "--prog"], []],
  [
    ["build", "--verb"],
    ["--verbose", "--verbosity="],
  ],
  [["build", "-v", "--verbose"], ["--verbose"]],
])("completes the options of %j and their values", async (words, expected) => {
  expect(await completed(...words)).toEqual(expected);
});

it("looks in the store of the line", async () => {
  await completed("untag", "--store=qemu:/a", "");
  await completed("untag", "--store", "qemu:/b", "");
  await completed("untag", "");
  expect(asked.slice(-3)).toEqual(["qemu:/a", "qemu:/b", undefined]);
});

it("offers no name that a shell would run or split", async () => {
  const hostile = async () =>
    ["$(id)", "a b", "x;id", "`id`", "-\u001B[2J", "fine", "a\nb", "'"].map((word) => ({ word }));
  expect((await complete(["image", "rm", ""], hostile)).candidates).toEqual([{ word: "fine" }]);
});
