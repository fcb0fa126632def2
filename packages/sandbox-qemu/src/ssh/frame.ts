import { randomBytes } from "node:crypto";

/**
 * Separates a script's output and input from what the start-up files of the login shell print and read, by a mark that
 * cannot be guessed.
 */
export interface Frame {
  /** Printed before the output, on both streams. */
  readonly mark: string;
  /** True if it is printed after the output as well. */
  readonly marksEnd?: boolean | undefined;
  /** True if `inputStart` is sent before the script's input. */
  readonly marksInput?: boolean | undefined;
}

/** A command that prints the mark of its frame. */
export interface FramedLine {
  readonly command: string;
  /** Sent to the command before its input. */
  readonly inputStart: string;
}

/** A mark that needs no quoting in any shell or pattern. */
export function newMark(): string {
  return `obuilder-${randomBytes(12).toString("hex")}`;
}

/** The script in its frame, with its status and arguments. For a shell of the Bourne family. */
export function inFrame(script: string, { mark, marksEnd = false, marksInput = false }: Frame): string {
  const [start, rest] = halves(mark);
  const marks = `printf %s%s ${start} ${rest}; printf %s%s ${start} ${rest} >&2`;
  const parts = [
    marks,
    ...(marksInput ? [skipInput(mark)] : []),
    ...(marksEnd ? [`(\n${script}\n)\nset -- $?\n${marks}\nexit $1`] : [script]),
  ];
  return parts.join("\n");
}

/** A shell with `set -v` or `set -x` prints commands before they run: none may contain the whole mark. */
function halves(mark: string): readonly [string, string] {
  const middle = Math.floor(mark.length / 2);
  return [mark.slice(0, middle), mark.slice(middle)];
}

/** How many lines a start-up file may read before it reaches the input of the script. */
const spareLines = 8;

/** See `Frame.marksInput`. */
export function inputStart(mark: string): string {
  return `${"\n".repeat(spareLines)}${mark}\n`;
}

/** A shell's `read` does not read past the end of the line. */
function skipInput(mark: string): string {
  return `until [ "\${obuilder_line-}" = ${halves(mark).join('""')} ]; do
  IFS= read -r obuilder_line || {
    echo "obuilder: the login shell has read what was sent to the guest" >&2
    exit 125
  }
done
unset obuilder_line`;
}

export interface FrameReader {
  readonly add: (bytes: Uint8Array) => void;
  /** The position of the stream. */
  readonly place: "before" | "inside" | "after";
  /** The last of what came before the frame. */
  readonly before: string;
}

/** How much of what comes before a frame is kept, in bytes. */
const keptBefore = 4_096;

/**
 * Passes on the bytes within the frame, as soon as they cannot be part of its end.
 *
 * @param frame `marksEnd` is by default true. Without it there is no end to wait for.
 */
export function frameReader(
  mark: string,
  onBytes: (bytes: Uint8Array) => void,
  { marksEnd = true }: Pick<Frame, "marksEnd"> = {},
): FrameReader {
  let place: FrameReader["place"] = "before";
  let held = Buffer.alloc(0);
  const pass = (bytes: Uint8Array): void => {
    if (bytes.length > 0) onBytes(bytes);
  };
  const add = (bytes: Uint8Array): void => {
    if (place === "after") return;
    if (place === "inside" && !marksEnd) return pass(bytes);
    const all = held.length === 0 ? Buffer.from(bytes) : Buffer.concat([held, bytes]);
    const at = all.indexOf(mark);
    if (place === "before") {
      held = all.subarray(-keptBefore);
      if (at < 0) return;
      place = "inside";
      held = Buffer.alloc(0);
      add(all.subarray(at + mark.length));
      return;
    }
    if (at >= 0) place = "after";
    const end = at >= 0 ? at : all.length - startOf(mark, all);
    held = all.subarray(end);
    pass(all.subarray(0, end));
  };
  return {
    add,
    get place() {
      return place;
    },
    get before() {
      return place === "before" ? held.toString() : "";
    },
  };
}

export interface MarkFilter {
  readonly add: (bytes: Uint8Array) => void;
  /** Passes on what was held back. To be called at the end of the stream. */
  readonly end: () => void;
  readonly sawMark: boolean;
}

/** Passes on all bytes but the first mark, as soon as they cannot be part of it. */
export function markFilter(mark: string, onBytes: (bytes: Uint8Array) => void): MarkFilter {
  let [held, sawMark] = [Buffer.alloc(0), false];
  const pass = (bytes: Uint8Array): void => {
    if (bytes.length > 0) onBytes(bytes);
  };
  return {
    add: (bytes) => {
      if (sawMark) return pass(bytes);
      const all = held.length === 0 ? Buffer.from(bytes) : Buffer.concat([held, bytes]);
      const at = all.indexOf(mark);
      sawMark = at >= 0;
      const end = sawMark ? at : all.length - startOf(mark, all);
      held = sawMark ? Buffer.alloc(0) : all.subarray(end);
      pass(all.subarray(0, end));
      if (sawMark) pass(all.subarray(at + mark.length));
    },
    end: () => {
      pass(held);
      held = Buffer.alloc(0);
    },
    get sawMark() {
      return sawMark;
    },
  };
}

/** How many bytes at the end may be the start of the mark. */
function startOf(mark: string, bytes: Buffer): number {
  let at = Math.max(0, bytes.length - mark.length + 1);
  for (;;) {
    at = bytes.indexOf(mark.charAt(0), at);
    if (at < 0) return 0;
    if (mark.startsWith(bytes.toString("latin1", at))) return bytes.length - at;
    at += 1;
  }
}
