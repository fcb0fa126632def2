import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { call } from "./tools.ts";
import { repository } from "./workspace.ts";

const folder = join(repository, "action");

test("the action installs a command that the next steps of a job find", async () => {
  const temporary = join(inject("work"), "runner");
  const files = Object.fromEntries(inject("packed").map(({ name, tarball }) => [name, `file:${tarball}`]));
  const { "@ob/cli": cli, ...overrides } = files;
  await mkdir(join(temporary, "obuilder"), { recursive: true });
  await writeFile(join(temporary, "obuilder", "package.json"), JSON.stringify({ private: true, overrides }));
  const found = join(temporary, "path");
  const env = { RUNNER_TEMP: temporary, GITHUB_PATH: found, OBUILDER_PACKAGE: cli };
  const installed = await call("env", [
    ...Object.entries(env).map(([name, value]) => `${name}=${value ?? ""}`),
    ...["bash", join(folder, "install.sh")],
  ]);
  const version = inject("packed").find(({ name }) => name === "@ob/cli")?.version;
  expect(installed.split("\n").at(-1)).toBe(version);
  const path = (await readFile(found, "utf8")).trim();
  expect(await call(join(path, "obuilder"), ["--version"])).toBe(version);
});

test("the action's scripts have no fault that shellcheck finds", async () => {
  const scripts = (await readdir(folder)).filter((name) => name.endsWith(".sh"));
  expect(scripts).toHaveLength(2);
  await call("shellcheck", scripts, { cwd: folder });
});
