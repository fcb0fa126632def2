/** A recording in the form of asciinema, version 2: a line with the head, and one for each event. */
export interface Cast {
  readonly columns: number;
  readonly rows: number;
  readonly title: string;
  /** In the order of their times. */
  readonly events: readonly CastEvent[];
}

/** What a terminal got, and when: seconds from the begin. */
export interface CastEvent {
  readonly time: number;
  readonly text: string;
}

export function formatCast({ columns, rows, title, events }: Cast): string {
  const head = { version: 2, width: columns, height: rows, title };
  const lines = events.map(({ time, text }) => JSON.stringify([Number(time.toFixed(3)), "o", text]));
  return `${[JSON.stringify(head), ...lines].join("\n")}\n`;
}

/** Throws if the text is not a recording. Events that are not output are left out. */
export function parseCast(text: string): Cast {
  const [head = "", ...lines] = text.trimEnd().split("\n");
  const { version, width, height, title } = JSON.parse(head);
  if (version !== 2) throw new Error("It is not a recording of version 2.");
  const events = lines
    .map((line): [number, string, string] => JSON.parse(line))
    .filter(([, kind]) => kind === "o")
    .map(([time, , output]) => ({ time, text: output }));
  return { columns: width, rows: height, title: title ?? "", events };
}
