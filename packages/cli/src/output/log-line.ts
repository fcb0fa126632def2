import type { ObEvent } from "@ob/core";
import type { Palette } from "./colors.ts";
import { printable } from "./printable.ts";
import { verbosities, type Verbosity } from "../args/options.ts";

/**
 * The line for an event of the libraries on standard error, in the original's form
 * (`obuilder: [INFO] Exec "qemu-img" …`), ending with a newline; undefined if `verbosity` hides it.
 */
export function logLine(event: ObEvent, verbosity: Verbosity, colors: Palette): string | undefined {
  const line = logged(event);
  if (!line || verbosities.indexOf(line.level) > verbosities.indexOf(verbosity)) return undefined;
  const color = { debug: colors.green, info: colors.blue, warning: colors.yellow }[line.level];
  return `obuilder: [${color(line.level.toUpperCase())}] ${printable(line.text)}\n`;
}

interface Logged {
  readonly level: "debug" | "info" | "warning";
  readonly text: string;
}

function logged(event: ObEvent): Logged | undefined {
  if (event.type === "log") return event;
  if (event.type === "exec") {
    return {
      level: "info",
      text: `Exec ${event.argv.map((word) => `"${word.replaceAll('"', '\\"')}"`).join(" ")}`,
    };
  }
  if (event.type === "phase") {
    return { level: "debug", text: `${event.layer.slice(0, 12)}: ${event.phase}` };
  }
  return undefined;
}
