import { cp, mkdir, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { run } from "@ob/core";
import { build, obuilder } from "../support/obuilder.ts";
import type { TestStore } from "../support/store.ts";

/** The file `options.json` of a case. */
interface CaseOptions {
  /** Additional flags of `obuilder build` and `plan`. */
  readonly flags?: readonly string[];
  /** Of the build, for `--jobs`; by default 2. */
  readonly jobs?: number;
  /** Of the build; by default 0. */
  readonly exitCode?: number;
  /** Texts that the build prints on standard error, in this order; by default it prints nothing there. */
  readonly stderr?: readonly string[];
}

export interface CorpusCase extends CaseOptions {
  /** Absolute path of the case's own file of this name; undefined if it has none. */
  file(name: string): string | undefined;
  /** What a command that only reads the spec prints. */
  print(command: "fmt" | "dockerfile"): Promise<string>;
  /** The last id of the plan; undefined if it fails. */
  plan(): Promise<unknown>;
  printPlan(): Promise<string>;
  build(env?: Readonly<Record<string, string>>): Promise<BuiltCase>;
}

export interface BuiltCase {
  readonly exitCode: number | undefined;
  readonly stderr: string;
  /** Standard output without the lines that have ids: they say which of several builds made a layer that they share. */
  readonly transcript: string;
  /** The id that was printed last; undefined if the build failed. */
  readonly id: string | undefined;
}

/** Small, since two run at the same time and a snapshot of its memory is written. */
export const machine = ["--qemu-memory", "512M"];

const idLine = /^(?:---> (?:saved as|using)|Got:) "([0-9a-f]{64})"/;

/** Reads a case, and makes its source directory beside the store. */
export async function openCase(directory: string, store: TestStore): Promise<CorpusCase> {
  const files = await readdir(directory);
  const file = (name: string) => (files.includes(name) ? path.join(directory, name) : undefined);
  const source = path.join(store.work, path.basename(directory));
  await mkdir(source);
  const context = file("context");
  if (context !== undefined) await cp(context, source, { recursive: true });
  const prepare = file("prepare.sh");
  if (prepare !== undefined) await run(["sh", "-e", prepare], { cwd: source });
  const optionsFile = file("options.json");
  const options: CaseOptions =
    optionsFile === undefined ? {} : JSON.parse(await readFile(optionsFile, "utf8"));
  const spec = path.join(directory, "build.spec");
  const text = await readFile(spec, "utf8");
  const { flags = [], jobs = 2 } = options;

  const planWith = (more: readonly string[]) =>
    obuilder(["plan", ...more, `--store=qemu:${store.directory}`, "-f", spec, ...flags, "."], {
      cwd: source,
    });

  return {
    ...options,
    file,
    print: async (command) => lines((await obuilder([command, "-f", spec])).stdout),
    plan: async () => {
      const planned = await planWith(["--json"]);
      return plannedId(planned.stdout.split("\n").at(-1));
    },
    printPlan: async () => lines((await planWith([])).stdout),
    build: async (env = {}) => {
      const all = [...machine, "--jobs", String(jobs), ...flags];
      const { exitCode, stdout, stderr } = await build(store, text, { flags: all, source, cwd: source, env });
      const printed = stdout.split("\n");
      const transcript = printed.filter((line) => !idLine.test(line)).join("\n");
      return { exitCode, stderr, transcript: lines(visible(transcript)), id: gotId(printed.at(-1)) };
    },
  };
}

/** The id of a step that `plan --json` printed; undefined if it failed. */
function plannedId(line = ""): unknown {
  if (line === "") return undefined;
  const step: { readonly id?: unknown } = JSON.parse(line);
  return step.id;
}

function gotId(line = ""): string | undefined {
  return line.startsWith("Got:") ? idLine.exec(line)?.[1] : undefined;
}

/** Text as in a file that ends with a line feed. */
function lines(text: string): string {
  return text === "" ? "" : `${text}\n`;
}

/** Shows control characters, so that the files of a case remain text. */
function visible(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for.
  return text.replaceAll(/[\0\r\u001B]/g, (control) => String.fromCodePoint(0x2400 + control.charCodeAt(0)));
}
