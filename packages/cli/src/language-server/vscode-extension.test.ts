import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { readCommandLine } from "../args/parse.ts";
import { repository } from "../testing/documents.ts";

const folder = path.join(repository, "editors/vscode");
const read = (file: string) => JSON.parse(readFileSync(path.join(folder, file), "utf8"));
const manifest = read("package.json");

interface Server {
  readonly command: string;
  readonly args: readonly string[];
}

/** Runs the extension with stand-ins for the modules of Code. Returns the servers that its clients were made with. */
async function activate(settings: Readonly<Record<string, unknown>>) {
  const servers: Server[] = [];
  const log: string[] = [];
  const commands = new Map<string, () => Promise<void>>();
  class LanguageClient {
    constructor(_id: string, _name: string, server: Server) {
      servers.push(server);
    }
    async start() {
      log.push("start");
    }
    async stop() {
      log.push("stop");
    }
  }
  const modules: Readonly<Record<string, unknown>> = {
    vscode: {
      workspace: { getConfiguration: (section: string) => (section === "obuilder" ? settings : {}) },
      commands: {
        registerCommand: (name: string, run: () => Promise<void>) => (
          commands.set(name, run),
          { dispose() {} }
        ),
      },
    },
    "vscode-languageclient/node": { LanguageClient },
  };
  const extension: { exports: { activate(context: object): Promise<void>; deactivate(): Promise<void> } } = {
    exports: { activate: async () => {}, deactivate: async () => {} },
  };
  const code = readFileSync(path.join(folder, manifest.main), "utf8");
  // oxlint-disable-next-line typescript/no-implied-eval -- Code loads an extension as a CommonJS module.
  new Function("require", "module", code)((name: string) => modules[name], extension);
  const subscriptions: unknown[] = [];
  await extension.exports.activate({ subscriptions });
  return { servers, log, commands, subscriptions, deactivate: () => extension.exports.deactivate() };
}

/** The settings as Code has them when a user has changed nothing. */
const defaults = Object.fromEntries(
  Object.entries<{ default: unknown }>(manifest.contributes.configuration.properties).map(
    ([name, property]) => [name.replace("obuilder.", ""), property.default],
  ),
);

describe("the extension for Code", () => {
  it("names files that exist, and one language throughout", () => {
    const [language] = manifest.contributes.languages;
    const [grammar] = manifest.contributes.grammars;
    for (const file of [manifest.main, language.configuration, grammar.path]) {
      expect(existsSync(path.join(folder, file)), file).toBe(true);
    }
    expect(grammar).toMatchObject({ language: language.id, scopeName: read(grammar.path).scopeName });
    expect(read(language.configuration).comments).toEqual({ lineComment: ";", blockComment: ["#|", "|#"] });
    expect(manifest).toMatchObject({
      publisher: expect.any(String),
      engines: { vscode: expect.any(String) },
    });
  });

  it("starts the language server with a command line that obuilder accepts", async () => {
    const { servers, log, subscriptions } = await activate(defaults);
    expect(servers).toEqual([{ command: "obuilder", args: ["language-server", "--stdio"] }]);
    expect({ log, count: subscriptions.length }).toEqual({ log: ["start"], count: 1 });
    const other = await activate({ command: "npx", args: ["obuilder"], store: "qemu:/s" });
    expect(other.servers[0]?.args).toEqual(["obuilder", "language-server", "--stdio", "--store=qemu:/s"]);
    const invocation = await readCommandLine(other.servers[0]?.args.slice(1) ?? [], { columns: 80 });
    expect(invocation).toMatchObject({ kind: "run", name: "language-server" });
  });

  it("restarts the server with the command that it contributes, and stops it at the end", async () => {
    const [{ command: name }] = manifest.contributes.commands;
    const { commands, log, deactivate } = await activate(defaults);
    await commands.get(name)?.();
    await deactivate();
    expect(log).toEqual(["start", "stop", "start", "stop"]);
  });

  it("lets no workspace say which program is run", () => {
    const { properties } = manifest.contributes.configuration;
    expect(properties["obuilder.command"].scope).toBe("machine");
    expect(properties["obuilder.args"].scope).toBe("machine");
  });
});
