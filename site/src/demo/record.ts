import { once } from "node:events";
import { execa } from "execa";
import type { Cast, CastEvent } from "./cast.ts";
import type { Shot } from "./scene.ts";

export interface RecordOptions {
  readonly columns: number;
  readonly rows: number;
  readonly title: string;
  /** The directory in which the commands run. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
}

const prompt = "\u001B[1;32m$\u001B[m ";
/** Seconds from key to key, and at most for what a command prints. */
const pace = { key: 0.022, output: 0.6 };
/** What is printed within this time of each other is one event, in seconds. */
const together = 0.04;

/** Types the commands into a terminal of script(1), runs them, and rejects if one fails. */
export async function record(shots: readonly Shot[], options: RecordOptions): Promise<Cast> {
  const events: CastEvent[] = [];
  let now = 0.2;
  for (const { command, clear, atMost = pace.output, pause } of shots) {
    events.push({ time: now, text: `${clear ? "\u001B[2J\u001B[3J\u001B[H" : ""}${prompt}` });
    now += 0.3;
    for (const key of command) {
      events.push({ time: now, text: key });
      now += pace.key;
    }
    events.push({ time: now + 0.2, text: "\r\n" });
    now += 0.25;
    const output = await outputOf(command, options);
    const length = output.at(-1)?.time ?? 0;
    const speed = Math.max(1, length / atMost);
    events.push(...output.map(({ time, text }) => ({ time: now + time / speed, text })));
    now += length / speed + pause;
  }
  events.push({ time: now, text: prompt });
  return { columns: options.columns, rows: options.rows, title: options.title, events };
}

/** What a command prints on a terminal, from its start. */
async function outputOf(command: string, options: RecordOptions): Promise<readonly CastEvent[]> {
  const { columns, rows, directory, env } = options;
  const line = `stty cols ${columns} rows ${rows}; ${command}`;
  const child = execa("script", ["--quiet", "--return", "--flush", "--command", line, "/dev/null"], {
    cwd: directory,
    env: { ...env, SHELL: "/bin/sh", TERM: "xterm-256color" },
    stdin: "ignore",
    buffer: false,
  });
  const events: CastEvent[] = [];
  const start = performance.now();
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (text: string) => {
    const time = (performance.now() - start) / 1000;
    const last = events.at(-1);
    if (last !== undefined && time - last.time < together)
      events[events.length - 1] = { time: last.time, text: last.text + text };
    else events.push({ time, text });
  });
  await Promise.all([child, once(child.stdout, "close")]);
  return events;
}
