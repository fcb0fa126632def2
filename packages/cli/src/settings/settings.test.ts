import { mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir, totalmem } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { describe, expect, test } from "vitest";
import { readCommandLine } from "../args/parse.ts";
import { obuilder } from "../testing/run.ts";
import { findSettingsFiles } from "./sources.ts";

/** A directory with a spec, and a home directory. */
async function place(files: Readonly<Record<string, unknown>> = {}) {
  const directory = await mkdtempDisposable(path.join(tmpdir(), "ob-settings-"));
  const at = (name: string) => path.join(directory.path, name);
  for (const name of ["project", "home/.config/obuilder"]) await mkdir(at(name), { recursive: true });
  for (const [name, content] of Object.entries({ "project/a.spec": "((from debian-12))", ...files })) {
    await writeFile(at(name), typeof content === "string" ? content : JSON.stringify(content));
  }
  return {
    at,
    env: { HOME: at("home") },
    [Symbol.asyncDispose]: async () => await directory.remove(),
  };
}

type Place = Awaited<ReturnType<typeof place>>;

async function read(where: Place, words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const line = ["build", "-f", where.at("project/a.spec"), ...words, "."];
  const invocation = await readCommandLine(line, { columns: 80, env: { ...where.env, ...env } });
  if (invocation.kind !== "run") throw new Error(`This is ${invocation.kind}.`);
  return invocation.args;
}

const project = "project/obuilder.json";
const user = "home/.config/obuilder/obuilder.json";
const userModule = "home/.config/obuilder/obuilder.config.ts";

test("an option comes from the command line, the environment, the project's file or the user's, in this order", async () => {
  await using where = await place({ [project]: { target: "p" }, [user]: { target: "u", jobs: 3 } });
  expect(await read(where, ["--target", "flag"], { OBUILDER_TARGET: "e" })).toMatchObject({ target: "flag" });
  expect(await read(where, [], { OBUILDER_TARGET: "e" })).toMatchObject({ target: "e" });
  expect(await read(where, [])).toMatchObject({ target: "p", jobs: "3" });
  expect(await read(where, ["--no-config"])).not.toHaveProperty("target");
  expect(await read(where, [], { OBUILDER_NO_CONFIG: "1" })).not.toHaveProperty("jobs");
});

test("the system's file comes last, and XDG_CONFIG_HOME names the user's", async () => {
  await using where = await place({ "home/obuilder.json": {}, [user]: {} });
  await mkdir(where.at("xdg/obuilder"), { recursive: true });
  await writeFile(where.at("xdg/obuilder/obuilder.json"), "{}");
  const kinds = async (env: Readonly<Record<string, string>>) => {
    const files = await findSettingsFiles({}, env, { system: where.at("home") });
    return files.map(({ kind, file }) => [kind, file]);
  };
  const system = ["system", where.at("home/obuilder.json")];
  expect(await kinds(where.env)).toEqual([["user", where.at(user)], system]);
  expect(await kinds({ ...where.env, XDG_CONFIG_HOME: where.at("xdg") })).toEqual([
    ["user", where.at("xdg/obuilder/obuilder.json")],
    system,
  ]);
  expect(await kinds({ XDG_CONFIG_HOME: "relative" })).toEqual([system]);
});

test("flags, counts and lists have values of their kind, and false takes back what a later source says", async () => {
  await using where = await place({
    [user]: { "no-vm-reuse": true, verbose: 2, tag: ["a", "b"], "qemu-memory": 4, "no-ignore-file": true },
  });
  expect(await read(where, [])).toMatchObject({
    ...{ "no-vm-reuse": true, verbose: 2, tag: ["a", "b"] },
    ...{ "qemu-memory": "4", "no-ignore-file": true },
  });
  const env = { OBUILDER_NO_IGNORE_FILE: "false", OBUILDER_TAG: "c\nd", OBUILDER_VERBOSE: "" };
  const args = await read(where, ["-q"], env);
  expect(args).toMatchObject({ tag: ["c", "d"], quiet: true });
  expect(args).not.toHaveProperty("no-ignore-file");
  expect(args).not.toHaveProperty("verbose");
  await expect(read(where, [], { OBUILDER_QUIET: "maybe" })).rejects.toThrow(
    'OBUILDER_QUIET takes true or false, not "maybe".',
  );
});

test("values of args are joined, and the first source of a name counts", async () => {
  await using where = await place({
    [project]: { "build-arg": { A: "project", B: 2 } },
    [user]: { "build-arg": ["C=user", "A=user"] },
  });
  const { "build-arg": values } = await read(where, ["--build-arg", "B=flag"]);
  expect(values).toEqual(["C=user", "A=user", "A=project", "B=2", "B=flag"]);
});

test("a command's own section holds for that command only, and before what is said of all", async () => {
  await using where = await place({ [user]: { target: "all", build: { target: "own" }, plan: { jobs: 9 } } });
  const args = await read(where, []);
  expect(args).toMatchObject({ target: "own" });
  expect(args).not.toHaveProperty("jobs");
});

describe("errors", () => {
  test.each([
    ['{\n  "jbos": 2\n}', ':2:3: There is no option "jbos" for a settings file.', "Did you mean jobs"],
    ['{"build": {\n "targt": "x"}}', ':2:2: There is no option "targt" of `build`', "Did you mean target?"],
    ['{"jobs": [1]}', ':1:2: "jobs" takes a text or a number.', undefined],
    ['{"quiet": "yes"}', ':1:2: "quiet" takes true or false.', undefined],
    ['{"config": "x"}', ':1:2: There is no option "config"', undefined],
    ['{"__proto__": 1}', ':1:2: There is no option "__proto__"', undefined],
    ["{", "is not JSON: ", undefined],
    ["[]", "is not an object.", undefined],
    ["[".repeat(50_000), "is not JSON: ", undefined],
    [" ".repeat(70_000), "has more than 65536 bytes.", undefined],
  ])("%.20s", async (text, message, hint) => {
    await using where = await place({ [user]: text });
    await expect(read(where, [])).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining(message),
      ...(hint !== undefined && { hint: expect.stringContaining(hint) }),
    });
  });

  test("comments are allowed in JSON, and $schema", async () => {
    await using where = await place({ [user]: '{ // mine\n "$schema": "x", "jobs": 2 /* two */ }' });
    expect(await read(where, [])).toMatchObject({ jobs: "2" });
  });
});

describe("a file beside a spec", () => {
  test("sets nothing that gives it power over the host", async () => {
    const { build } = await import("../commands/build.ts");
    await using where = await place();
    const allowed: string[] = [];
    for (const [name, { kind }] of Object.entries(build.options)) {
      const value = kind === "flag" ? true : kind === "count" ? 1 : kind === "values" ? ["A=1"] : "1";
      await writeFile(where.at(project), JSON.stringify({ [name]: value }));
      const refused = await read(where, []).then(
        () => false,
        () => true,
      );
      if (!refused) allowed.push(name);
    }
    // Each further name here is a decision about security: see docs/security.md.
    expect(allowed.toSorted()).toEqual([
      "build-arg",
      "qemu-boot-time",
      "qemu-cpus",
      "qemu-guest-arch",
      "qemu-guest-os",
      "qemu-memory",
      "step-timeout",
      "target",
      "timeout",
    ]);
    await writeFile(where.at(project), JSON.stringify({ build: { store: "qemu:/" } }));
    await expect(read(where, [])).rejects.toMatchObject({
      message: `${where.at(project)}:1:11: A settings file beside a spec may not set "store".`,
    });
  });

  test("takes no variable of the user's environment", async () => {
    await using where = await place({ [project]: { "build-arg": ["TOKEN"] } });
    await expect(read(where, [], { TOKEN: "secret" })).rejects.toThrow("values, as NAME=VALUE");
  });

  test("asks for a part of the host only, and the user's own limit stands", async () => {
    await using where = await place({ [project]: { "qemu-memory": `${Math.ceil(totalmem() / 2 ** 20)}M` } });
    await expect(read(where, [])).rejects.toThrow("half of the host's memory at most");
    await writeFile(where.at(project), JSON.stringify({ "qemu-cpus": availableParallelism() + 1 }));
    await expect(read(where, [])).rejects.toThrow("CPUs at most");
    await writeFile(where.at(project), JSON.stringify({ timeout: "9h", "step-timeout": "8h" }));
    await writeFile(where.at(user), JSON.stringify({ timeout: "1h" }));
    expect(await read(where, [])).toMatchObject({ timeout: "1h", "step-timeout": "8h" });
  });

  test("is not code: a module there is not loaded, and `config` says so", async () => {
    await using where = await place({ "project/obuilder.config.ts": "throw new Error('loaded');" });
    expect(await read(where, [])).not.toHaveProperty("jobs");
    const spec = where.at("project/a.spec");
    const { code, stderr } = await obuilder(["config", "-f", spec], { env: where.env });
    expect(code).toBe(0);
    expect(stderr).toContain("obuilder.config.ts is not read: it is code.");
  });

  test("is not waited for if it is a pipe", async () => {
    await using where = await place();
    await execa("mkfifo", [where.at(project)]);
    await expect(read(where, [])).rejects.toThrow("is not a file");
  });
});

test("the user's module and the file of --config may set everything", async () => {
  await using where = await place({
    [userModule]: "const jobs: number = 5;\nexport default { jobs, store: 'qemu:/s' };",
    "own.json": { jobs: 7, "qemu-arg": ["-device"] },
    "own.ts": "export default 1;",
    [project]: { target: "p" },
  });
  expect(await read(where, [])).toMatchObject({ jobs: "5", store: "qemu:/s", target: "p" });
  const explicit = await read(where, ["--config", where.at("own.json")]);
  expect(explicit).toMatchObject({ jobs: "7", "qemu-arg": ["-device"], store: "qemu:/s" });
  expect(explicit).not.toHaveProperty("target");
  expect(await read(where, [], { OBUILDER_CONFIG: where.at("own.json") })).toMatchObject({ jobs: "7" });
  await expect(read(where, ["--config", where.at("own.ts")])).rejects.toThrow("exports no object by default");
  await expect(read(where, ["--config", where.at("none")])).rejects.toThrow("does not exist");
  await expect(read(where, ["--config=x", "--no-config"])).rejects.toThrow("cannot be used together");
});

test("`config` shows what holds and where it is set, without passwords", async () => {
  await using where = await place({
    [project]: '{\n "target": "p"}',
    [user]: '{"target": "u",\n "plan": {"jobs": 2}}',
  });
  const env = { ...where.env, OBUILDER_QUEUE: "redis://me:secret@host" };
  const line = ["config", "-f", where.at("project/a.spec")];
  const table = await obuilder(line, { env });
  expect(table).toMatchObject({ code: 0, stderr: "" });
  expect(table.stdout.split("\n").map((row) => row.split(/ {2,}/))).toEqual([
    ["OPTION", "VALUE", "FROM"],
    ["queue", "redis://me:***@host", "$OBUILDER_QUEUE"],
    ["target", "p", `${where.at(project)}:2`],
    ["plan.jobs", "2", `${where.at(user)}:2`],
    ["target", "u", `${where.at(user)}:1 (replaced)`],
    [""],
  ]);
  const { stdout } = await obuilder([...line, "--json"], { env });
  expect(JSON.parse(stdout)).toMatchObject({
    settings: [
      { name: "queue", command: null, source: "environment", holds: true },
      { name: "target", value: "p", source: "project", holds: true },
      { name: "jobs", command: "plan", source: "user", holds: true },
      { name: "target", value: "u", source: "user", holds: false },
    ],
    files: [
      { kind: "project", file: where.at(project) },
      { kind: "user", file: where.at(user) },
    ],
  });
});
