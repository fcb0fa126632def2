import { type CacheStore, didYouMean, isObError, errorMessage, ObError, throwIfCancelled } from "@ob/core";
import { readAction as readNamedAction } from "../args/actions.ts";
import type { ProcessIo } from "../process-io.ts";
import { type Arguments, acceptedButHidden, storeOptions, stringOption } from "../args/options.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import { formatAge, formatSize, parseDuration } from "../args/units.ts";
import { formatTable } from "../output/format-table.ts";
import { jsonLine, printableLine } from "../output/printable.ts";
import type { Action, Command } from "./command.ts";
import type { Session } from "./session.ts";

const names = ["ls", "rm", "prune"] as const;
type ActionName = (typeof names)[number];

const actions: Readonly<Record<ActionName, Action>> = {
  ls: { summary: "Lists the caches", positionals: [], options: ["json"], aliases: ["list"] },
  rm: {
    summary: "Removes a cache",
    positionals: [{ name: "NAME", describe: "The cache's name in the spec", complete: "cache" }],
    options: [],
    aliases: ["remove"],
  },
  prune: {
    summary: "Removes the caches that no build has used for a time",
    positionals: [],
    options: ["older-than"],
  },
};

export const cache: Command = {
  description:
    "Manages the cache disks that `(run (cache …))` mounts. ls lists them, rm removes the cache NAME, prune removes those " +
    "not used recently. A cache that a running build uses is kept.",
  positionals: [
    { name: "ACTION", describe: "ls, rm or prune" },
    { name: "NAME", describe: "The cache's name in the spec" },
  ],
  actions,
  options: {
    ...storeOptions,
    "older-than": {
      kind: "value",
      value: "SPAN",
      describe: "prune: only caches not used for this long: 12h, 7d, 2w",
      group: "Filters:",
    },
    json: {
      kind: "flag",
      describe: 'ls: one object per line: {"name","bytes","lastUsed"}',
      group: "Output:",
    },
    ...acceptedButHidden(sandboxOptions),
  },
  examples: [
    ["obuilder cache ls --store=qemu:/var/cache/obuilder", "the caches and their sizes"],
    ["obuilder cache rm --store=qemu:/var/cache/obuilder opam-archives", ""],
    ["obuilder cache prune ... --older-than 30d", "what no build has used for a month"],
  ],

  async run(args, session) {
    const action = readAction(args);
    const { services, io, location } = session;
    const before = action === "prune" ? readBefore(args) : undefined;
    const name = action === "rm" ? readName(args) : "";
    await using caches = await services.openCaches({ location });
    switch (action) {
      case "ls":
        return await list(caches, { io, json: args["json"] === true });
      case "rm":
        return await remove(caches, name, io);
      case "prune":
        return await prune(caches, before, session);
    }
  },
};

async function list(caches: CacheStore, { io, json }: { io: ProcessIo; json: boolean }): Promise<void> {
  const found = await caches.list();
  if (json) {
    const lines = found.map(({ name, bytes, lastUsed }) => jsonLine({ name, bytes, lastUsed }));
    io.stdout.write(lines.map((line) => `${line}\n`).join(""));
    return;
  }
  const now = Date.now();
  const rows = found.map(({ name, bytes, lastUsed }) => [
    name,
    formatSize(bytes),
    `${formatAge(now - lastUsed.getTime())} ago`,
  ]);
  const bytes = found.reduce((sum, each) => sum + each.bytes, 0);
  io.stdout.write(
    `${formatTable(["NAME", "SIZE", "LAST USED"], { rows })}${count(found.length)}, ${formatSize(bytes)}\n`,
  );
}

async function remove(caches: CacheStore, name: string, io: ProcessIo): Promise<void> {
  const known = (await caches.list()).map((each) => each.name);
  if (!(await caches.remove(name))) {
    throw new ObError("CACHE", `The store has no cache ${JSON.stringify(name)}.`, {
      hint: didYouMean(name, known) ?? "`obuilder cache ls` lists the caches.",
    });
  }
  io.stdout.write(`Removed 1 cache\n`);
}

async function prune(caches: CacheStore, before: Date | undefined, { io, emit }: Session): Promise<void> {
  let removed = 0;
  for (const { name, lastUsed } of await caches.list()) {
    throwIfCancelled(io.signal);
    if (before !== undefined && lastUsed >= before) continue;
    try {
      if (!(await caches.remove(name))) continue;
      io.stdout.write(`Removing ${printableLine(name)}\n`);
      removed += 1;
    } catch (error) {
      if (!isObError(error, "CACHE")) throw error;
      // A cache in use does not keep the others.
      emit({ type: "log", level: "warning", text: errorMessage(error) });
    }
  }
  io.stdout.write(`Removed ${count(removed)}\n`);
}

function readAction(args: Arguments): ActionName {
  const action = readNamedAction(args, { command: "cache", names });
  const unused = action === "rm" ? undefined : stringOption(args, "NAME");
  if (unused === undefined) return action;
  throw new ObError("USAGE", `Unexpected argument ${JSON.stringify(unused)}.`, {
    hint: `\`cache ${action}\` takes no name.`,
  });
}

function readName(args: Arguments): string {
  const name = stringOption(args, "NAME");
  if (name !== undefined) return name;
  throw new ObError("USAGE", "No cache is given: obuilder cache rm NAME.", {
    hint: "`obuilder cache ls` lists the caches; `obuilder cache prune` removes several.",
  });
}

/** Undefined for all caches. */
function readBefore(args: Arguments): Date | undefined {
  const span = stringOption(args, "older-than");
  const milliseconds = span === undefined ? 0 : parseDuration(span, "--older-than");
  if (span !== undefined) return milliseconds === 0 ? undefined : new Date(Date.now() - milliseconds);
  throw new ObError("USAGE", "`cache prune` needs --older-than.", {
    hint: "For example --older-than 30d; 0s removes all.",
  });
}

function count(caches: number): string {
  return caches === 1 ? "1 cache" : `${caches} caches`;
}
