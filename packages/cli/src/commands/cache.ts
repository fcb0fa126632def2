import { type CacheStore, didYouMean, isObError, messageOf, ObError, throwIfCancelled } from "@ob/core";
import { colorsFor } from "../output/colors.ts";
import type { ProcessIo } from "../process-io.ts";
import {
  type Arguments,
  acceptedButHidden,
  sandboxOptions,
  storeOptions,
  stringOption,
} from "../args/options.ts";
import { logLine } from "../output/log-line.ts";
import { formatAge, formatSize, parseSpan } from "../args/units.ts";
import { parseStoreLocation } from "../args/store-location.ts";
import { formatTable } from "../output/format-table.ts";
import type { Command, Session } from "./command.ts";

const actions = ["ls", "rm", "prune"] as const;
type Action = (typeof actions)[number];

export const cache: Command = {
  description:
    "Looks after the cache disks that `(run (cache …))` mounts. ls lists them, rm removes the one NAME, prune removes " +
    "those not used of late. One that a running build uses stays.",
  positionals: [
    { name: "ACTION", describe: "ls, rm or prune" },
    { name: "NAME", describe: "The cache's name, as the spec has it" },
  ],
  options: {
    ...storeOptions,
    "older-than": {
      kind: "value",
      value: "SPAN",
      describe: "prune: only caches not used for so long: 12h, 7d, 2w",
      group: "What goes:",
    },
    json: {
      kind: "flag",
      describe: 'ls: one object a line: {"name","bytes","lastUsed"}',
      group: "Output:",
    },
    ...acceptedButHidden(sandboxOptions),
  },
  examples: [
    ["obuilder cache ls --store=qemu:/var/cache/obuilder", "what there is, and how much space it takes"],
    ["obuilder cache rm --store=qemu:/var/cache/obuilder opam-archives", ""],
    ["obuilder cache prune ... --older-than 30d", "what no build has used for a month"],
  ],

  async run(args, session) {
    const { services: engine, io: host } = session;
    const action = readAction(args);
    const location = parseStoreLocation(stringOption(args, "store") ?? host.env["OBUILDER_STORE"]);
    const before = action === "prune" ? readBefore(args) : new Date();
    const name = action === "rm" ? readName(args) : "";
    await using caches = await engine.openCaches({ location });
    switch (action) {
      case "ls":
        return await list(caches, { host, json: args["json"] === true });
      case "rm":
        return await remove(caches, name, host);
      case "prune":
        return await prune(caches, before, session);
    }
  },
};

async function list(caches: CacheStore, { host, json }: { host: ProcessIo; json: boolean }): Promise<void> {
  const found = await caches.list();
  if (json) {
    const lines = found.map(({ name, bytes, lastUsed }) => JSON.stringify({ name, bytes, lastUsed }));
    host.stdout.write(lines.map((line) => `${line}\n`).join(""));
    return;
  }
  const now = Date.now();
  const rows = found.map(({ name, bytes, lastUsed }) => [
    name,
    formatSize(bytes),
    `${formatAge(now - lastUsed.getTime())} ago`,
  ]);
  const bytes = found.reduce((sum, each) => sum + each.bytes, 0);
  host.stdout.write(
    `${formatTable(["NAME", "SIZE", "LAST USED"], { rows })}${count(found.length)}, ${formatSize(bytes)}\n`,
  );
}

async function remove(caches: CacheStore, name: string, host: ProcessIo): Promise<void> {
  const known = (await caches.list()).map((each) => each.name);
  if (!(await caches.remove(name))) {
    throw new ObError("CACHE", `There is no cache ${JSON.stringify(name)} in the store.`, {
      hint: didYouMean(name, known) ?? "`obuilder cache ls` shows those that there are.",
    });
  }
  host.stdout.write(`Removed 1 cache\n`);
}

async function prune(
  caches: CacheStore,
  before: Date,
  { io: host, verbosity, color }: Session,
): Promise<void> {
  let removed = 0;
  for (const { name, lastUsed } of await caches.list()) {
    throwIfCancelled(host.signal);
    if (lastUsed.getTime() >= before.getTime()) continue;
    try {
      if (!(await caches.remove(name))) continue;
      host.stdout.write(`Removing ${name}\n`);
      removed += 1;
    } catch (error) {
      if (!isObError(error, "CACHE")) throw error;
      // One in use is no reason to keep the others.
      const event = { type: "log", level: "warning", text: messageOf(error) } as const;
      const line = logLine(event, verbosity, colorsFor(host.stderr, { mode: color, env: host.env }));
      if (line !== undefined) host.stderr.write(line);
    }
  }
  host.stdout.write(`Removed ${count(removed)}\n`);
}

function readAction(args: Arguments): Action {
  const given = stringOption(args, "ACTION");
  const action = actions.find((known) => known === given);
  if (action === undefined) {
    const what =
      given === undefined ? "Say what to do with the caches" : `${JSON.stringify(given)} is nothing to do`;
    throw new ObError("USAGE", `${what}: ls, rm or prune.`, {
      hint: given === undefined ? undefined : didYouMean(given, actions),
    });
  }
  const unused = action === "rm" ? undefined : stringOption(args, "NAME");
  if (unused === undefined) return action;
  throw new ObError("USAGE", `What is ${JSON.stringify(unused)} for? \`cache ${action}\` takes no name.`);
}

function readName(args: Arguments): string {
  const name = stringOption(args, "NAME");
  if (name !== undefined) return name;
  throw new ObError("USAGE", "Say which cache to remove: obuilder cache rm NAME.", {
    hint: "`obuilder cache ls` shows those that there are; `obuilder cache prune` removes several.",
  });
}

function readBefore(args: Arguments): Date {
  const span = stringOption(args, "older-than");
  if (span !== undefined) return new Date(Date.now() - parseSpan(span, "--older-than"));
  throw new ObError("USAGE", "Say which caches to remove: --older-than.", {
    hint: "For example --older-than 30d; 0s means all.",
  });
}

function count(caches: number): string {
  return caches === 1 ? "1 cache" : `${caches} caches`;
}
