import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { noSpaceError, ObError, type ObErrorOptions } from "@ob/core";
import { describe, expect, it } from "vitest";
import { commands } from "../commands/registry.ts";
import { commandLineHint } from "./hints.ts";

const packages = path.resolve(import.meta.dirname, "../../..");
const libraries = ["builder", "cache", "core", "qcow2", "qemu", "sandbox-qemu", "spec", "store-qcow"];

function sources(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !/\.test\.|\.generated\.|(^|\/)testing\//.test(name))
    .map((name) => path.join(directory, name));
}

/** The lines of a file, without comments and scripts of guests, that name a command of `obuilder`, or an option in a sentence. */
function linesForTheCommandLine(text: string): readonly string[] {
  const command = new RegExp(`\\bobuilder (${Object.keys(commands).join("|")})\\b`);
  return text
    .split("\n")
    .filter((line) => !/^ *(\/\/|\/?\*|script:)/.test(line))
    .filter((line) => command.test(line) || /["`].*\b[A-Za-z]+,? `?--[a-z][a-z-]+/.test(line));
}

describe("libraries", () => {
  const directories = [
    ...libraries.map((name) => path.join(packages, name, "src")),
    path.join(packages, "../images/src"),
  ];

  it.for(directories)("%s names no command or option of the command line", (directory) => {
    const files = sources(directory);
    expect(files.length).toBeGreaterThan(2);
    expect(files.flatMap((file) => linesForTheCommandLine(readFileSync(file, "utf8")))).toEqual([]);
  });

  it("are caught if they do", () => {
    const lines = [
      'hint: "Choose another name, or say --force to replace it.",',
      "hint: `Delete the layer: obuilder delete ${id}` },",
      'hint: "Check `--store`.",',
    ];
    expect(linesForTheCommandLine(lines.join("\n"))).toEqual(lines);
  });
});

describe("commandLineHint", () => {
  const hint = (code: ObError["code"], options: ObErrorOptions) =>
    commandLineHint(new ObError(code, "It failed.", options));

  it("adds the commands that help with a store, its layers and its base images", () => {
    const layer = hint("STORE", { hint: "Delete the layer and build it again.", data: { layer: "12ab" } });
    expect(layer).toBe("Delete the layer and build it again. (obuilder delete 12ab)");
    expect(hint("STORE", { hint: "A store is a directory.", data: { notStore: "/s" } })).toBe(
      "Check the path in --store=qemu:PATH. A store is a directory.",
    );
    expect(hint("BASE_IMAGE", { data: { noBaseImages: "/s" }, hint: "None yet." })).toContain(
      "None yet. `obuilder image build NAME`",
    );
    expect(hint("BASE_IMAGE", { data: { notQcow2: "/f" }, hint: "Convert it." })).toContain(
      "`obuilder image import FILE --name NAME`",
    );
    expect(commandLineHint(noSpaceError("The disk is full."))).toBe(
      "Free some space. `obuilder prune` removes old layers.",
    );
    expect(hint("USAGE", { hint: "Choose another name.", data: { existing: "/f" } })).toBe(
      "Choose another name. --force replaces it.",
    );
  });

  it("adds the option that sets what a library's error is about", () => {
    expect(hint("USAGE", { hint: "Packages come from Debian.", data: { option: "packages" } })).toBe(
      "Packages come from Debian. Give --package once for each.",
    );
    expect(hint("UNSUPPORTED", { data: { option: "accelerator" } })).toBe("Use --qemu-accel=auto or tcg.");
    expect(hint("USAGE", { hint: "Do this.", data: { option: "another" } })).toBe("Do this.");
  });

  it("leaves the hint of an error without such facts as it is", () => {
    for (const code of [
      "STORE",
      "BASE_IMAGE",
      "USAGE",
      "BAD_SECRET",
      "NO_SUCH_LAYER",
      "TOOL_FAILED",
    ] as const) {
      expect(hint(code, { hint: "Do this." })).toBe("Do this.");
    }
    for (const code of ["STORE", "BASE_IMAGE", "USAGE", "BAD_SECRET", "TOOL_FAILED"] as const) {
      expect(hint(code, {})).toBeUndefined();
    }
  });
});
