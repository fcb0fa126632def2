import { Writable } from "node:stream";
import xterm from "@xterm/headless";

/** A terminal that can be looked at: what is written ends up in its cells as it would on a real one. */
export class VirtualTerminal extends Writable {
  readonly isTTY = true;
  columns: number;
  rows: number;
  readonly #terminal: InstanceType<typeof xterm.Terminal>;
  #written: Promise<void> = Promise.resolve();

  constructor(columns: number, rows: number) {
    super();
    this.columns = columns;
    this.rows = rows;
    this.#terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, convertEol: true });
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const before = this.#written;
    this.#written = (async () => {
      await before;
      await new Promise<void>((resolve) => {
        this.#terminal.write(chunk, resolve);
      });
    })();
    done();
  }

  /** Makes it wider or narrower, as a user does: what is on it is wrapped anew. */
  async resize(columns: number, rows: number): Promise<void> {
    await this.#written;
    this.#terminal.resize(columns, rows);
    this.columns = columns;
    this.rows = rows;
    this.emit("resize");
  }

  /** The lines of the scrollback and the screen, without blanks at their ends and empty lines at the end. */
  async lines(): Promise<readonly string[]> {
    await this.#written;
    const { active } = this.#terminal.buffer;
    const lines = Array.from(
      { length: active.length },
      (_, index) => active.getLine(index)?.translateToString(true) ?? "",
    );
    while (lines.at(-1) === "") lines.pop();
    return lines;
  }
}
