import { taggedBase } from "@ob/core";
import { enumOption, specOptions } from "../args/options.ts";
import { basesOf, readSpec } from "../args/spec-input.ts";
import type { Command } from "./command.ts";

const escapes = ["unix", "windows"] as const;

export const dockerfile: Command = {
  description: "Converts a spec to a Dockerfile.",
  positionals: [],
  options: {
    ...specOptions,
    buildkit: { kind: "flag", describe: "Use BuildKit's extended syntax", group: "Output:" },
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
  ],

  async run(args, { io, emit }) {
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
