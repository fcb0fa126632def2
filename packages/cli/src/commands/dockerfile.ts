import { ObError, taggedBase } from "@ob/core";
import { enumOption, specOptions } from "../args/options.ts";
import { basesOf, readSpec } from "../args/spec-input.ts";
import type { Command } from "./command.ts";

const escapes = ["unix", "windows"] as const;

export const dockerfile: Command = {
  description:
    "Converts a spec to a Dockerfile, or with --reverse a Dockerfile to a spec. What a spec cannot say is refused with its line.",
  positionals: [],
  options: {
    ...specOptions,
    buildkit: { kind: "flag", describe: "Use BuildKit's extended syntax", group: "Output:" },
    reverse: {
      kind: "flag",
      describe: "Convert the Dockerfile that -f names to a spec; its directory is the source directory",
      group: "Output:",
    },
    strict: {
      kind: "flag",
      describe: "With --reverse, refuse also what is about running a container, such as CMD",
      group: "Output:",
    },
    escape: {
      kind: "value",
      value: "STYLE",
      describe: "unix (default) or windows",
      group: "Output:",
      complete: escapes,
    },
  },
  examples: [
    ["obuilder dockerfile -f example.spec > Dockerfile", ""],
    [
      "obuilder dockerfile --buildkit --escape=windows -f example.spec",
      "with caches and secrets, for Windows",
    ],
    ["obuilder dockerfile --reverse -f Dockerfile > hello.spec", "the other direction"],
  ],

  async run(args, { io, emit }) {
    if (args["reverse"] === true) {
      const { reverse } = await import("../dockerfile/reverse.ts");
      return await reverse(args, { io, emit });
    }
    if (args["strict"] === true) throw new ObError("USAGE", "--strict is for --reverse.");
    const escape = enumOption(args, "escape", escapes) ?? "unix";
    const { spec } = await readSpec(args, io);
    const { toBytes, toDockerfile } = await import("@ob/spec");
    const converted = toDockerfile(spec, { buildkit: args["buildkit"] === true, escape });
    for (const from of basesOf(spec)) {
      if (taggedBase(from) === undefined) continue;
      const text = `${from} is a tag of a store, which Docker does not have: FROM ${from} would be an image of that name in a registry.`;
      emit({ type: "log", level: "warning", text });
    }
    // As the original, with an empty line at the end.
    io.stdout.write(toBytes(`${converted}\n`));
  },
};
