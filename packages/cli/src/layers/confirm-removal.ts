import { type LayerId, orCancelled, type Store } from "@ob/core";
import { layerCount } from "../args/layer-ref.ts";
import { formatAge, formatSize } from "../args/units.ts";
import type { OptionTable } from "../args/flags.ts";
import { fitTable } from "../output/fit-table.ts";
import type { Input, ProcessIo } from "../process-io.ts";
import { layerBytes, viewLayers } from "./layer-view.ts";

export const confirmOptions: OptionTable = {
  force: { kind: "flag", short: "f", describe: "Do not ask on a terminal", group: "Filters:" },
};

/** True on a terminal. In a script nobody could answer. */
export function isAsked({ stdin, stdout }: ProcessIo): boolean {
  return stdin.isTTY === true && stdout.isTTY === true;
}

/**
 * Shows the layers that are about to be deleted, with their sizes and when they were used, and asks.
 *
 * @returns false if nothing is to be deleted.
 */
export async function confirmRemoval(ids: readonly LayerId[], store: Store, io: ProcessIo): Promise<boolean> {
  const { stdin, stdout, signal } = io;
  if (ids.length === 0) return true;
  const views = viewLayers(store);
  const now = Date.now();
  let total = 0;
  const rows: (readonly string[])[] = [];
  for (const id of ids) {
    const view = views.get(id);
    const bytes = await layerBytes(store, id);
    total += bytes;
    const used = view ? formatAge(now - view.lastUsed.getTime()) : "-";
    const step = view?.step?.heading ?? "-";
    rows.push([id.slice(0, 12), formatSize(bytes), used, [...(view?.tags ?? []), step].join(" ")]);
  }
  stdout.write(fitTable(["ID", "SIZE", "USED", "STEP"], { rows, left: [0], columns: stdout.columns ?? 80 }));
  stdout.write(`Delete ${layerCount(ids.length)}, ${formatSize(total)}? [y/N] `);
  const answer = await orCancelled(firstLine(stdin), signal);
  return /^\s*y(es)?\s*$/i.test(answer);
}

async function firstLine(input: Input): Promise<string> {
  let text = "";
  for await (const piece of input) {
    text += Buffer.from(piece).toString();
    if (text.includes("\n")) break;
  }
  return text.split("\n")[0] ?? "";
}
