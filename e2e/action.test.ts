import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { obuilderFile } from "./support/obuilder.ts";
import { imageName, temporaryStore, type TestStore } from "./support/store.ts";

const folder = path.resolve(import.meta.dirname, "../action");

interface Action {
  readonly inputs: Readonly<Record<string, { readonly default?: string }>>;
  readonly runs: { readonly steps: readonly Step[] };
}

interface Step {
  readonly name: string;
  readonly run: string;
  readonly env: Readonly<Record<string, string>>;
}

interface Workflow {
  readonly jobs: { readonly build: { readonly steps: readonly WorkflowStep[] } };
}

interface WorkflowStep {
  readonly id?: string;
  readonly with?: Readonly<Record<string, string>>;
}

/** What a runner gives to the steps of a job, and what they have left there. */
async function runner(store: TestStore) {
  const bin = path.join(store.work, "bin");
  await mkdir(bin);
  const command = path.join(bin, "obuilder");
  await writeFile(command, `#!/bin/sh\nexec "${process.execPath}" "${obuilderFile}" "$@"\n`);
  await chmod(command, 0o755);
  const files = {
    GITHUB_OUTPUT: path.join(store.work, "output"),
    GITHUB_STEP_SUMMARY: path.join(store.work, "summary"),
  };
  const action: Action = parse(await readFile(path.join(folder, "action.yml"), "utf8"));
  return {
    async run(name: string, inputs: Readonly<Record<string, string>>) {
      for (const file of Object.values(files)) await writeFile(file, "");
      const step = action.runs.steps.find((each) => each.name === name);
      const env = Object.entries(step?.env ?? {}).map(([variable, value]) => [
        variable,
        value.replaceAll(/\$\{\{ inputs\.([\w-]+) \}\}/g, (_, input: string) => {
          expect(Object.keys(action.inputs)).toContain(input);
          return inputs[input] ?? action.inputs[input]?.default ?? "";
        }),
      ]);
      const done = await execa("bash", ["-ec", step?.run ?? "exit 99"], {
        env: {
          ...files,
          ...Object.fromEntries(env),
          RUNNER_TEMP: store.work,
          GITHUB_ACTION_PATH: folder,
          PATH: `${bin}:${process.env["PATH"] ?? ""}`,
        },
        ...{ reject: false, stdin: "ignore", cwd: store.work },
      });
      const read = async (file: string) => await readFile(file, "utf8");
      return {
        ...{ exitCode: done.exitCode, stderr: done.stderr, ...obeyed(done.stdout) },
        ...{ output: await read(files.GITHUB_OUTPUT), summary: await read(files.GITHUB_STEP_SUMMARY) },
      };
    },
  };
}

/** What a runner does with a log: the commands that it obeys, and the lines that it shows. */
function obeyed(log: string) {
  const commands: string[] = [];
  const shown: string[] = [];
  let stopped: string | undefined;
  for (const line of log.split("\n")) {
    const text = line.trimStart();
    if (stopped !== undefined && text === `::${stopped}::`) stopped = undefined;
    else if (stopped !== undefined || !text.startsWith("::")) shown.push(line);
    else if (text.startsWith("::stop-commands::")) stopped = text.slice("::stop-commands::".length);
    else commands.push(text);
  }
  return { commands, shown };
}

test("the action builds a spec, shows no command of a guest to the runner, and says where it fails", async () => {
  await using store = await temporaryStore();
  const { run } = await runner(store);
  const options = ["--qemu-memory=512M", "--qemu-boot-time", "120"].join("\n");
  const inputs = { spec: "ci.spec", store: store.directory, options };
  const hostile = String.raw`(run (shell "echo '::error::from the guest'; printf '::set-env name=PATH::x'"))`;
  await writeFile(
    path.join(store.work, "ci.spec"),
    `((from ${imageName})\n ${hostile}\n (run (shell "echo '::warning::last words'; exit 3")))`,
  );

  const failed = await run("Build", inputs);
  expect(failed.exitCode, failed.stderr).toBe(1);
  expect(failed.output).toBe("");
  expect(failed.stderr).toBe("");
  expect(failed.shown).toEqual(expect.arrayContaining(["::error::from the guest", "::set-env name=PATH::x"]));
  const groups = ["::group::", "::endgroup::", "::error file=ci.spec,line=3,"];
  expect(failed.commands.filter((each) => !groups.some((start) => each.startsWith(start)))).toEqual([]);
  expect(failed.commands.filter((each) => each.startsWith("::error"))).toHaveLength(1);
  expect(failed.summary).toMatch(/^### OBuilder: <code>ci\.spec<\/code> failed in /);

  await writeFile(path.join(store.work, "ci.spec"), `((from ${imageName})\n ${hostile})`);
  const built = await run("Build", inputs);
  expect(built.exitCode, built.stderr).toBe(0);
  expect(built.output).toMatch(/^id=[0-9a-f]{64}\n$/);
  expect(built.summary).toContain("| cached |");
  expect(built.summary).not.toContain("(run");
});

test("docs/ci.md gives the action only inputs that it has", async () => {
  const text = await readFile(path.join(folder, "../docs/ci.md"), "utf8");
  const [, yaml = ""] = /^```yaml\n(.*?)^```$/ms.exec(text) ?? [];
  const workflow: Workflow = parse(yaml);
  const { inputs }: Action = parse(await readFile(path.join(folder, "action.yml"), "utf8"));
  const used = workflow.jobs.build.steps.find(({ id }) => id === "obuilder");
  expect(Object.keys(used?.with ?? {})).toContain("spec");
  expect(Object.keys(inputs)).toEqual(expect.arrayContaining(Object.keys(used?.with ?? {})));
  const listed = [...text.matchAll(/^\| `([\w-]+)` /gm)].map(([, name]) => name);
  expect(new Set(listed)).toEqual(new Set(Object.keys(inputs)));
});
