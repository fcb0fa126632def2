import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { runScript, type ScriptResult } from "../store/run-script.ts";
import { openFixtures, type OpenFixtures, type Version } from "./fixtures.ts";

/** What makes an image. */
const makers = ["import", "pull", "build"] as const;
type Maker = (typeof makers)[number];
export type ImageCommand = Maker | "rm";

/** One command on a store that has no image yet, or version 1 of it. */
export interface ImageTrial {
  readonly command: ImageCommand;
  readonly from: "nothing" | "1";
}

/** Every command and what it starts from; only an image that is there can be removed. */
export const imageTrials: readonly ImageTrial[] = [
  ...makers.flatMap((command): readonly ImageTrial[] => [
    { command, from: "nothing" },
    { command, from: "1" },
  ]),
  { command: "rm", from: "1" },
];

/** What the trials start from, and how long the commands take. */
export interface ImageReference extends AsyncDisposable {
  /** A directory for the campaign's files. */
  readonly directory: string;
  readonly open: OpenFixtures;
  /** How long a command may take at most, in milliseconds. */
  readonly timeLimit: number;
  /** Runs image-work.ts. @param environment added to its own. */
  run(
    store: string,
    words: readonly [ImageCommand, Version],
    environment: Readonly<Record<string, string>>,
  ): Promise<ScriptResult>;
  /** Makes the store that a trial starts from. */
  prepare(trial: ImageTrial, store: string): Promise<void>;
}

/** How many times as long as without a fault a command may take before it counts as one that hangs. */
const slack = 40;
const script = path.join(import.meta.dirname, "image-work.ts");

/** @param commands whose trials there will be. */
export async function makeImageReference(commands: readonly Maker[] = makers): Promise<ImageReference> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(path.join(tmpdir(), "ob-images-"));
  stack.defer(async () => await rm(directory, { recursive: true, force: true }));
  const fixturesDirectory = path.join(directory, "fixtures");
  await mkdir(fixturesDirectory);
  const open = stack.use(await openFixtures(fixturesDirectory));
  let timeLimit = 600_000;
  const run: ImageReference["run"] = async (store, words, environment) =>
    await runScript(script, [store, open.file, ...words], { environment, timeLimit, directory: store });
  const old = (command: ImageCommand) => path.join(directory, `old-${command}`);
  const started = performance.now();
  for (const command of commands) {
    const { status, error, complaint } = await run(old(command), [command, "1"], {});
    if (status !== 0) throw new Error(`${command} without a fault fails: ${error ?? complaint}`);
  }
  timeLimit = 10_000 + (slack * (performance.now() - started)) / commands.length;
  const prepare: ImageReference["prepare"] = async ({ command, from }, store) => {
    await rm(store, { recursive: true, force: true });
    if (from === "nothing") return;
    await cp(old(command === "rm" ? "import" : command), store, {
      recursive: true,
      preserveTimestamps: true,
    });
  };
  const owned = stack.move();
  return {
    ...{ directory, open, timeLimit, run, prepare },
    [Symbol.asyncDispose]: async () => await owned.disposeAsync(),
  };
}
