import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, inject, test } from "vitest";
import { installProject } from "./project.ts";
import { call } from "./tools.ts";

const directory = join(inject("work"), "projects", "command");
const obuilder = (args: readonly string[]) =>
  call(join(directory, "node_modules", ".bin", "obuilder"), args, { cwd: directory });

beforeAll(async () => {
  await installProject({ directory, packed: inject("packed"), wanted: ["@ob/cli"] });
  await writeFile(join(directory, "example.spec"), '((from busybox) (run (shell "make all")))');
});

test("the command says its version", async () => {
  const cli = inject("packed").find(({ name }) => name === "@ob/cli");
  expect(await obuilder(["--version"])).toBe(cli?.version);
});

test("the command has its completions, and a man page for each command", async () => {
  expect(await obuilder(["completion", "bash"])).toContain("complete -o default -F _obuilder obuilder");
  expect(await obuilder(["__complete", "--", "image", "imp"])).toMatch(/^import\t/);
  const manual = join(directory, "node_modules", "@ob", "cli", "man");
  expect(await readFile(join(manual, "obuilder.1"), "utf8")).toContain('.SH "COMMANDS"');
  const page = await readFile(join(manual, "obuilder-build.1"), "utf8");
  expect(page).toMatch(/^\.TH "OBUILDER-BUILD" "1"/);
  expect(page).toContain("\\fB--step-timeout\\fR=\\fISPAN\\fR");
  expect(page).not.toContain("undefined");
});

test("the command formats a spec", async () => {
  expect(await obuilder(["fmt", "--machine", "-f", "example.spec"])).toBe(
    '((from busybox)(run(shell"make all")))',
  );
});

test("the command plans a build, outside of the repository", async () => {
  const planned = await obuilder([
    "plan",
    `--store=qemu:${join(directory, "store")}`,
    "-f",
    "example.spec",
    ".",
  ]);
  expect(planned).toContain("make all");
});

test("the command lists the images that it can make", async () => {
  const listed = await obuilder(["image", "list", `--store=qemu:${join(directory, "store")}`]);
  expect(listed).toContain("debian-12-amd64");
});

test("the command holds the licenses of the libraries in it, and installs only those that @ob/images needs", async () => {
  const modules = join(directory, "node_modules");
  expect(await readFile(join(modules, "@ob", "cli", "bundle", "THIRD-PARTY-NOTICES.txt"), "utf8")).toContain(
    "ssh2@",
  );
  await expect(readFile(join(modules, "ssh2", "package.json"))).rejects.toThrow("ENOENT");
  await expect(readFile(join(modules, "yargs", "package.json"))).rejects.toThrow("ENOENT");
});

test("the bill of materials lists every library whose license is published", async () => {
  const bundle = join(directory, "node_modules", "@ob", "cli", "bundle");
  const bom: BillOfMaterials = JSON.parse(await readFile(join(bundle, "bom.json"), "utf8"));
  const notices = await readFile(join(bundle, "THIRD-PARTY-NOTICES.txt"), "utf8");
  const licensed = [...notices.matchAll(/^(?<library>\S+@\d+\.\d+\.\d+)$/gm)].map((match) => match[1]);
  const { components, bomFormat, metadata } = bom;
  expect({ bomFormat, name: metadata.component.name }).toEqual({ bomFormat: "CycloneDX", name: "cli" });
  const listed = components.map(({ group, name, version }) =>
    group === undefined ? `${name}@${version}` : `${group}/${name}@${version}`,
  );
  expect(licensed).not.toEqual([]);
  expect(listed).toEqual(expect.arrayContaining(licensed));
});

interface BillOfMaterials {
  readonly bomFormat: string;
  readonly metadata: { readonly component: { readonly name: string } };
  readonly components: readonly {
    readonly group?: string;
    readonly name: string;
    readonly version: string;
  }[];
}
