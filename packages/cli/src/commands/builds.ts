import { type BuildRecord, ObError, type Store } from "@ob/core";
import { readAction } from "../args/actions.ts";
import { type Arguments, acceptedButHidden, storeOptions, stringOptions } from "../args/options.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import { formatAge, formatDuration } from "../args/units.ts";
import { fitTable } from "../output/fit-table.ts";
import { jsonDocument } from "../output/printable.ts";
import { findBuild } from "../records/find-build.ts";
import { durationOf, outcomeCounts, recordFields } from "../records/record-fields.ts";
import type { Action, Command } from "./command.ts";

const names = ["ls", "rm"] as const;
type ActionName = (typeof names)[number];

const buildArgument = {
  name: "BUILD",
  describe: "The build: its id, or a prefix that no other has",
  complete: "build",
} as const;

const actions: Readonly<Record<ActionName, Action>> = {
  ls: { summary: "Lists the builds", positionals: [], options: ["json"], aliases: ["list"] },
  rm: {
    summary: "Removes the records of builds; their layers stay",
    positionals: [buildArgument],
    options: ["all"],
    aliases: ["remove"],
  },
};

export const builds: Command = {
  description:
    "Manages the records of builds that have ended: when, of which spec and directory, how, and what each step took. ls lists them, newest " +
    "first, rm removes some. The store keeps the last 200; `prune --older-than` removes old ones, too.",
  positionals: [{ name: "ACTION", describe: "ls or rm" }],
  rest: buildArgument,
  actions,
  options: {
    ...storeOptions,
    all: { kind: "flag", short: "a", describe: "rm: all builds", group: "Filters:" },
    json: {
      kind: "flag",
      describe: 'ls: one object: {"builds": [...]}, with the steps and their times',
      group: "Output:",
    },
    ...acceptedButHidden(sandboxOptions),
  },
  examples: [
    ["obuilder builds ls --store=qemu:/var/cache/obuilder", ""],
    ["obuilder builds rm ... 5f0c21", "one build"],
    ["obuilder builds rm ... --all", "all of them"],
  ],

  async run(args, { services, io, location }) {
    const action = readAction(args, { command: "builds", names });
    const given = stringOptions(args, "BUILD");
    checkWords(action, args, given);
    await using store = await services.openStore({ location });
    if (action === "rm") {
      const removed = store.builds.remove(idsToRemove(store, given));
      io.stdout.write(`Removed ${buildCount(removed)}\n`);
      return;
    }
    const records = store.builds.list();
    if (args["json"] === true) {
      io.stdout.write(jsonDocument({ builds: records.map(recordFields) }));
      return;
    }
    const now = Date.now();
    const rows = records.map((record) => row(record, now));
    const head = ["BUILD", "ENDED", "TIME", "OUTCOME", "STEPS", "SPEC"];
    io.stdout.write(fitTable(head, { rows, left: [0, 3, 4], columns: io.stdout.columns ?? 80 }));
  },
};

/** @throws ObError `USAGE` for words that the action does not take, and for `rm` with none. */
function checkWords(action: ActionName, args: Arguments, given: readonly string[]): void {
  const [first] = given;
  const all = args["all"] === true;
  if (first !== undefined && (action === "ls" || all)) {
    throw new ObError("USAGE", `Unexpected argument ${JSON.stringify(first)}.`, {
      hint: `\`builds ${action}${all ? " --all" : ""}\` takes no build.`,
    });
  }
  if (action === "rm" && first === undefined && !all) {
    throw new ObError("USAGE", "No build is given: obuilder builds rm BUILD.", {
      hint: "`obuilder builds ls` shows the builds; --all removes all of them.",
    });
  }
}

/** All without `given`. None is removed if one of them is unknown. */
function idsToRemove(store: Store, given: readonly string[]): readonly string[] {
  const records = store.builds.list();
  if (given.length === 0) return records.map(({ id }) => id);
  return given.map((each) => findBuild(records, each).id);
}

function row(record: BuildRecord, now: number): readonly string[] {
  const { id, finished, outcome, spec, context } = record;
  return [
    id,
    `${formatAge(now - finished.getTime())} ago`,
    formatDuration(durationOf(record)),
    outcome,
    outcomeCounts(record),
    `${spec} ${context}`,
  ];
}

/** `1 build`, `2 builds`. */
export function buildCount(count: number): string {
  return count === 1 ? "1 build" : `${count} builds`;
}
