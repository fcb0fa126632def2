import type { PlannedStep } from "@ob/builder";
import { readRequest } from "../args/build-input.ts";
import { colorsFor, type Palette } from "../output/colors.ts";
import { recipeHint } from "../output/recipe-hint.ts";
import { limitOptions } from "../args/limits.ts";
import { buildArgOptions } from "../args/build-args.ts";
import { noCacheOptions, readNoCache } from "../args/no-cache.ts";
import { secretOptions } from "../args/secrets.ts";
import { ignoreOptions } from "../args/ignore-file.ts";
import { copySizeLines } from "../output/copy-size-lines.ts";
import { jsonLine, printable } from "../output/printable.ts";
import { jobOptions } from "../args/jobs.ts";
import { cacheOptions } from "../args/cache-options.ts";
import { acceptedButHidden, progressOptions, specOptions, storeOptions } from "../args/options.ts";
import { sandboxOptions, vmReuseOptions } from "../args/sandbox-flags.ts";
import { onErrorOptions } from "../terminal/on-error-shell.ts";
import { tagOptions } from "../args/tags.ts";
import { outputOptions } from "../args/output.ts";
import { roomOptions } from "../room/keep-room.ts";
import { metadataOptions } from "../metadata/build-metadata.ts";
import { reportOptions } from "../records/open-recorder.ts";
import { type StoreLocation } from "../args/store-location.ts";
import type { Command } from "./command.ts";

export const plan: Command = {
  description:
    "Shows each step of a spec with its id, the id of its base, and whether it is in the store. Builds nothing, and " +
    "needs neither QEMU nor the base image. A store that does not exist counts as empty. With --verbose it also shows how " +
    "much each `copy` takes, and its largest files.",
  positionals: [
    { name: "SRC_DIR", describe: "The directory that `copy` takes files from", complete: "directory" },
  ],
  options: {
    ...storeOptions,
    ...specOptions,
    ...buildArgOptions,
    ...noCacheOptions,
    ...secretOptions,
    ...ignoreOptions,
    json: {
      kind: "flag",
      describe: 'One object per line: {"op","id","base","cached","heading"}',
      group: "Output:",
    },
    // So that the arguments of a build can be planned.
    ...acceptedButHidden(sandboxOptions),
    ...acceptedButHidden(tagOptions),
    ...acceptedButHidden(jobOptions),
    ...acceptedButHidden(onErrorOptions),
    ...acceptedButHidden(limitOptions),
    ...acceptedButHidden(roomOptions),
    ...acceptedButHidden(vmReuseOptions),
    ...acceptedButHidden(cacheOptions),
    ...acceptedButHidden(metadataOptions),
    ...acceptedButHidden(reportOptions),
    ...acceptedButHidden(outputOptions),
    ...acceptedButHidden(progressOptions),
  },
  examples: [
    ["obuilder plan --store=qemu:/var/cache/obuilder -f example.spec .", "what a build would do"],
    ["obuilder plan --json ... . | jq -r .id", "the ids, in build order"],
    ["obuilder plan -v ... .", "also how much each copy takes"],
  ],

  async run(args, { services, io, verbosity, color, location, flags, emit }) {
    const { stdout, stderr, env } = io;
    const request = await readRequest(args, io, emit);
    const sizes = verbosity === "info" || verbosity === "debug";
    const { steps, storeExists } = await services.plan({
      location,
      flags,
      request,
      noCache: readNoCache(args),
      signal: io.signal,
      sizes,
      emit,
    });

    const notes = await planNotes(steps, location, storeExists);
    if (args["json"] === true) {
      stdout.write(steps.map((step) => `${plannedStepLine(step)}\n`).join(""));
      if (verbosity !== "quiet") stderr.write(notes.map((note) => `${note}\n`).join(""));
    } else {
      const colors = colorsFor(stdout, { mode: color, env });
      stdout.write(`${[...steps.map((step) => block(step, colors)), summary(steps), ...notes].join("\n")}\n`);
    }
  },
};

/** The fields and their order are part of the interface. */
export function plannedStepLine({ op, id, base, cached, heading }: PlannedStep): string {
  return jsonLine({ op, id, base: base ?? null, cached, heading });
}

function block(step: PlannedStep, colors: Palette): string {
  const { heading, id, base, cached, build, size } = step;
  const path = build.length === 0 ? "" : colors.dim(`${build.join(" › ")} › `);
  const state = cached ? colors.green("in the store") : colors.yellow("to be built");
  const lines = [path + colors.blueBright(printable(heading)), `    id    ${id}  ${state}`];
  if (base !== undefined) lines.push(`    base  ${base}`);
  if (size)
    lines.push(...copySizeLines(size).map((line, index) => `    ${index === 0 ? "takes" : "     "} ${line}`));
  return lines.join("\n");
}

function summary(steps: readonly PlannedStep[]): string {
  const ids = new Map(steps.map((step) => [step.id, step.cached]));
  const cached = [...ids.values()].filter(Boolean).length;
  const count = ids.size === 1 ? "1 layer" : `${ids.size} layers`;
  return `${count}: ${cached} in the store, ${ids.size - cached} to be built.`;
}

/** What would make a build fail. */
export async function planNotes(
  steps: readonly PlannedStep[],
  location: StoreLocation,
  storeExists: boolean,
): Promise<readonly string[]> {
  const notes: string[] = [];
  if (!storeExists) notes.push(`The store ${location.directory} does not exist; it counts as empty.`);
  const missing = new Set(steps.flatMap(({ missingImage }) => missingImage ?? []));
  for (const image of missing) {
    const missed = `The base image ${image} is missing: a build needs ${location.directory}/base-image/${image}.qcow2.`;
    const hint = await recipeHint(image);
    notes.push(hint === undefined ? missed : `${missed} ${hint}`);
  }
  return notes;
}
