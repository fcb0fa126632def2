import { orCancelled } from "@ob/core";
import { formatAge, formatSize } from "../args/units.ts";
import type { OptionTable } from "../args/flags.ts";
import { fitTable } from "../output/fit-table.ts";
import type { Input, ProcessIo } from "../process-io.ts";
import type { PruneItem } from "../room/prune-item.ts";
import { countItems } from "../room/remove-items.ts";

export const confirmOptions: OptionTable = {
  force: { kind: "flag", short: "f", describe: "Do not ask on a terminal", group: "Filters:" },
};

/** True on a terminal. In a script nobody could answer. */
export function isAsked({ stdin, stdout }: ProcessIo): boolean {
  return stdin.isTTY === true && stdout.isTTY === true;
}

/**
 * Shows what is about to be removed, with sizes and when it was used, and asks.
 *
 * @returns false if nothing is to be removed.
 */
export async function confirmRemoval(items: readonly PruneItem[], io: ProcessIo): Promise<boolean> {
  const { stdin, stdout, signal } = io;
  if (items.length === 0) return true;
  const columns = stdout.columns ?? 80;
  const now = Date.now();
  const mixed = items.some(({ type }) => type !== "layer");
  const rows = items.map((item) => [
    ...(mixed ? [item.type] : []),
    item.type === "cache" ? item.id : item.id.slice(0, 12),
    formatSize(item.bytes),
    formatAge(now - item.lastUsed.getTime()),
    described(item),
  ]);
  const head = mixed ? ["TYPE", "ID", "SIZE", "USED", "STEP"] : ["ID", "SIZE", "USED", "STEP"];
  stdout.write(fitTable(head, { rows, left: mixed ? [0, 1] : [0], columns }));
  const total = items.reduce((sum, { bytes }) => sum + bytes, 0);
  stdout.write(`Delete ${countItems(items)}, ${formatSize(total)}? [y/N] `);
  const answer = await orCancelled(firstLine(stdin), signal);
  return /^\s*y(es)?\s*$/i.test(answer);
}

/** Names, and the step of a layer. */
function described(item: PruneItem): string {
  if (item.type !== "layer") return "";
  return [...item.tags, item.description === "" ? "-" : item.description].join(" ");
}

async function firstLine(input: Input): Promise<string> {
  let text = "";
  for await (const piece of input) {
    text += Buffer.from(piece).toString();
    if (text.includes("\n")) break;
  }
  return text.split("\n")[0] ?? "";
}
