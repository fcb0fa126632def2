import { writeFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { commands } from "../commands/registry.ts";
import { temporaryDirectory } from "../testing/directory.ts";
import { readCommandLine } from "./parse.ts";
import { renderAllHelp } from "./render-all-help.ts";
import { helpFileName, renderedHelp } from "./rendered-help.ts";

test("the help in the bundle is the one that is made for the same words", async () => {
  const texts = await renderAllHelp(80);
  const topics = Object.keys(texts);
  expect(topics).toEqual(expect.arrayContaining(["", ...Object.keys(commands), "image ls", "cache prune"]));
  for (const topic of topics) {
    const words = topic.split(" ").filter((word) => word !== "");
    const made = await readCommandLine([...words, "--help"], { columns: 80 });
    expect(made, topic).toStrictEqual({ kind: "text", text: texts[topic] });
  }
});

test("the help in the bundle serves the command lines and widths that it was made for", async () => {
  await using directory = await temporaryDirectory();
  await writeFile(path.join(directory.path, helpFileName(80)), '{"": "top", "build": "of build"}');
  await writeFile(path.join(directory.path, helpFileName(100)), '{"": "wide"}');
  const help = (columns: number, ...argv: string[]) =>
    renderedHelp(argv, { columns, directory: pathToFileURL(path.join(directory.path, "start.cjs")) });
  expect(help(80, "--help")).toBe("top");
  expect(help(80, "build", "--help")).toBe("of build");
  expect([help(100, "--help"), help(234, "--help")]).toStrictEqual(["wide", "wide"]);
  expect(help(79, "--help")).toBeUndefined();
  for (const argv of [["build"], ["-v", "--help"], ["build", "--store", "--help"], ["__proto__", "--help"]]) {
    expect(help(80, ...argv), argv.join(" ")).toBeUndefined();
  }
});

test("without files there is no such help", async () => {
  await using directory = await temporaryDirectory();
  const beside = pathToFileURL(path.join(directory.path, "start.cjs"));
  expect(renderedHelp(["--help"], { columns: 80, directory: beside })).toBeUndefined();
});
