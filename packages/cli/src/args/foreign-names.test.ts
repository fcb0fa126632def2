import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it, test } from "vitest";
import { commands } from "../commands/registry.ts";
import { obuilder } from "../testing/run.ts";
import { allOptions } from "./all-options.ts";

const stderrOf = async (...argv: readonly string[]) => {
  const { code, stderr } = await obuilder(argv);
  expect(code).toBe(2);
  return stderr;
};

describe("what is typed by who knows another tool", () => {
  test.each([
    ["run", "obuilder shell ID"],
    ["rmi", "obuilder delete ID"],
    ["images", "obuilder image ls"],
    ["validate", "obuilder plan"],
    ["version", "obuilder --version"],
    // A typing error stays one.
    ["biuld", "Did you mean build?"],
  ])("the command %s is answered with %s", async (name, expected) => {
    expect(await stderrOf(name)).toContain(expected);
  });

  test.each([
    ["--file=x", "-f FILE"],
    ["--platform=linux/amd64", "(from debian-13-riscv64)"],
    ["--var=a=b", "--build-arg=NAME=VALUE"],
    ["--no-cahce", "Did you mean --no-cache?"],
  ])(
    "the option %s of build is answered with %s, and points to the help of build",
    async (option, expected) => {
      const stderr = await stderrOf("build", option, ".");
      expect(stderr).toContain(expected);
      expect(stderr).toContain("Try 'obuilder build --help'");
    },
  );

  it("a spec in the place of the source directory is answered with the command line that takes it", async () => {
    expect(await stderrOf("build", "--store=qemu:/x", "-f", "-", "package.json")).toContain(
      "-f package.json .",
    );
  });
});

test("hints name commands and options that there are, and no name of a command is taken for another tool's", async () => {
  const source = readFileSync(path.join(import.meta.dirname, "foreign-names.ts"), "utf8");
  const named = [...source.matchAll(/`obuilder ([a-z-]+)/g)].map(([, name = ""]) => name);
  expect(named.length).toBeGreaterThan(15);
  expect(named.filter((name) => name !== "--version" && !Object.hasOwn(commands, name))).toEqual([]);
  const options = new Set(Object.values(await allOptions()).flatMap((table) => Object.keys(table)));
  const flags = [...source.matchAll(/--([a-z][a-z-]+)/g)].map(([, name = ""]) => name);
  expect(flags.filter((name) => name !== "version" && !options.has(name))).toEqual([]);
  for (const name of Object.keys(commands)) expect(source).not.toMatch(new RegExp(`[{ ]${name}: "`));
});
