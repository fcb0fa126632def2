import { TailText } from "@ob/core";
import { LineWatch } from "./line-watch.ts";

/** How much of a script's output is kept, and of what comes before it, in characters. */
const maxKept = 524_288;
const maxBefore = 4_096;

/** The longest line with a status. */
const maxStatus = 32;

/**
 * One stream of the root shell for one script, between `MARK>` and `\nMARK STATUS\n`. It is searched as it comes, each part
 * once, and only its last part is kept: a process in the guest can print without end.
 */
export class ScriptOutput {
  readonly #start: string;
  readonly #end: string;
  #place: "before" | "inside" | "after" = "before";
  /** The last characters, which may be the start of a mark. */
  #border = "";
  #kept = new TailText(maxBefore);
  #status = "";
  readonly #awaited: LineWatch | undefined;

  /** @param awaited a line of the script that is waited for. */
  constructor(mark: string, awaited?: string) {
    this.#start = `${mark}>`;
    this.#end = `\n${mark} `;
    this.#awaited = awaited === undefined ? undefined : new LineWatch(awaited);
  }

  /** False until the shell has begun with the script. */
  get hasStarted(): boolean {
    return this.#place !== "before";
  }

  /** The output until now, or what came before it. */
  get text(): string {
    return this.#place === "after" ? this.#kept.text : this.#kept.text + this.#border;
  }

  /** The status; undefined until the script has ended. */
  get code(): number | undefined {
    const isWhole = this.#status.includes("\n") || this.#status.length >= maxStatus;
    return isWhole ? Number.parseInt(this.#status, 10) : undefined;
  }

  /** True once the script has printed the line that is waited for. */
  get hasAwaited(): boolean {
    return this.#awaited?.seen === true;
  }

  /** Forgets what the script, which still runs, has printed. */
  forget(): void {
    this.#kept = new TailText(maxKept);
    this.#border = "";
  }

  add(piece: string): void {
    if (this.#place === "inside") this.#awaited?.add(piece);
    if (this.#place === "after") {
      this.#status += piece.slice(0, maxStatus - this.#status.length);
      return;
    }
    const mark = this.#place === "before" ? this.#start : this.#end;
    const text = this.#border + piece;
    const at = text.indexOf(mark);
    const passed = at < 0 ? Math.max(0, text.length - mark.length + 1) : at;
    this.#kept.add(text.slice(0, passed));
    this.#border = at < 0 ? text.slice(passed) : "";
    if (at < 0) return;
    if (this.#place === "before") this.#kept = new TailText(maxKept);
    this.#place = this.#place === "before" ? "inside" : "after";
    this.add(text.slice(at + mark.length));
  }
}
