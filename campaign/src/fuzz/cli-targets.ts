import * as fc from "fast-check";
import { allOptions } from "../../../packages/cli/src/args/all-options.ts";
import { complete } from "../../../packages/cli/src/completion/complete.ts";
import { projectOptions, readSettingsFile } from "../../../packages/cli/src/settings/file-settings.ts";
import { mutatedJson } from "./mutated-json.ts";
import { mutatedTokens } from "./mutated-tokens.ts";
import { asyncTarget, type Target } from "./target.ts";

const settings = [
  `{ // mine\n "jobs": 2, "build": {"build-arg": {"A": "1", "__proto__": "2"}, "no-cache": true}, "verbose": 2, "$schema": "x" }`,
];
const proposed = [
  '{"qemu-memory": "64M", "qemu-cpus": 1, "build-arg": ["A=1"], "target": "dev", "build": {"timeout": "5m"}, "step-timeout": 9}',
];
const words = [
  ...[
    "build",
    "image",
    "import",
    "help",
    "cp",
    "--",
    "--progress=",
    "--store",
    "qemu:/x",
    "-f",
    "-",
    "--no-",
    "",
  ],
  ...["__proto__", "constructor", "a:", "abc:/x", "--secret", "id=x,src=", "\u001b[2J", "$(reboot)", "`x`"],
];
/** Names that files of a store can have. */
const hostile = [
  "debian-12",
  "x y",
  "$(reboot)",
  "`id`",
  "a;b",
  "-rf",
  "\u001b]0;t\u0007",
  "a\nb",
  "\u202ex",
  "é",
];

/** What the command reads of its user, and of those whose specs are built. */
export async function cliTargets(): Promise<readonly Target[]> {
  const commands = await allOptions();
  return [
    asyncTarget("settings of users", mutatedTokens(settings), async (bytes) => {
      await readSettingsFile(
        { kind: "user", file: "obuilder.json", text: bytes.toString("utf8") },
        { commands },
      );
    }),
    asyncTarget("settings beside specs", mutatedJson(proposed), async (bytes) => {
      const file = { kind: "project", file: "obuilder.json", text: bytes.toString("utf8") } as const;
      const read = await readSettingsFile(file, { commands });
      const other = read.find(({ name }) => !projectOptions.has(name));
      if (other !== undefined) throw new Error(`a settings file beside a spec sets ${other.name}`);
    }),
    asyncTarget(
      "words to complete",
      fc.array(fc.oneof(fc.constantFrom(...words), fc.string({ unit: "binary", maxLength: 8 })), {
        maxLength: 6,
      }),
      async (line) => {
        const findNames = async () => hostile.map((word) => ({ word, description: word }));
        const { candidates } = await complete(line, findNames);
        const last = line.at(-1) ?? "";
        for (const { word } of candidates)
          if (!word.startsWith(last) || !/^[\w.@%+=:,/-]+$/.test(word)) throw new Error(`${word} is offered`);
        return candidates.length > 0;
      },
    ),
  ];
}
