import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "@ob/core";
import { fixSource } from "@ob/spec/editor";
import type {
  CodeAction,
  CompletionItem,
  DocumentSymbol,
  Hover,
  Location,
  Position,
  Range,
  TextEdit,
} from "vscode-languageserver-protocol";
import { TextDocument } from "vscode-languageserver-textdocument";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryDirectory } from "../testing/directory.ts";
import { obuilder } from "../testing/run.ts";
import { type Client, startClient } from "./client.test.helper.ts";

const store = await temporaryDirectory();
let client: Client;

beforeAll(async () => {
  await mkdir(path.join(store.path, "base-image/org"), { recursive: true });
  await writeFile(path.join(store.path, "base-image/org/other.qcow2"), "");
  await run([
    "qemu-img",
    "create",
    "-q",
    "-f",
    "qcow2",
    path.join(store.path, "base-image/mine.qcow2"),
    "1M",
  ]);
  const build = ["build", `--store=qemu:${store.path}`, "-t", "team/tools:1.2", "-f", "-", "."];
  const { code, stderr } = await obuilder(build, { stdin: "((from mine))" });
  if (code !== 0) throw new Error(stderr);
  client = await startClient({ args: [`--store=qemu:${store.path}`] });
});

afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

/** Opens a text with `|` where the cursor is. */
async function open(marked: string) {
  const offset = marked.indexOf("|");
  const text = marked.replace("|", "");
  const uri = await client.open(text);
  const document = TextDocument.create(uri, "obuilder", 1, text);
  const ask = async <T>(method: string): Promise<T> =>
    await client.connection.sendRequest(`textDocument/${method}`, {
      textDocument: { uri },
      position: document.positionAt(offset),
      options: { tabSize: 8, insertSpaces: true },
    });
  return { uri, document, ask };
}

const at = (line: number, character: number): Position => ({ line, character });

describe("the language server", () => {
  it("says what it can do, and writes nothing on standard error", () => {
    expect(client.initialized).toMatchObject({
      serverInfo: { name: "obuilder" },
      capabilities: { hoverProvider: true, documentFormattingProvider: true, definitionProvider: true },
    });
    expect(client.stderr()).toBe("");
  });

  it("reports the errors of the parser with their ranges and related places, while a text changes", async () => {
    const { uri } = await open("((from a)\n (from b)\n (rnu x))");
    expect(await client.diagnostics(uri)).toMatchObject({
      version: 1,
      diagnostics: [
        {
          range: { start: at(1, 1), end: at(1, 9) },
          severity: 1,
          relatedInformation: [{ location: { uri, range: { start: at(0, 1), end: at(0, 9) } } }],
        },
        {
          range: { start: at(2, 2), end: at(2, 5) },
          message: expect.stringContaining('did you mean "run"?'),
        },
      ],
    });
    const change = async (version: number, range: object, text: string) =>
      await client.connection.sendNotification("textDocument/didChange", {
        textDocument: { uri, version },
        contentChanges: [{ range, text }],
      });
    await change(2, { start: at(1, 0), end: at(2, 9) }, ' (run (shell "é🙂; npm ci")))');
    expect(await client.diagnostics(uri)).toMatchObject({
      version: 2,
      diagnostics: [
        {
          // In UTF-16 units: the emoji has two.
          range: { start: at(1, 19), end: at(1, 25) },
          ...{ severity: 2, code: "network-needed", source: "obuilder" },
          codeDescription: { href: expect.stringMatching(/docs\/lint\.md#network-needed$/) },
        },
      ],
    });
    await change(3, { start: at(1, 6), end: at(1, 6) }, "(network host) ");
    expect(await client.diagnostics(uri)).toMatchObject({ version: 3, diagnostics: [] });
    await client.connection.sendNotification("textDocument/didClose", { textDocument: { uri } });
    expect(await client.diagnostics(uri)).toMatchObject({ diagnostics: [] });
  });

  it("explains the word at the cursor", async () => {
    const { ask } = await open("((from a)\n (ru|n (shell x)))");
    const hover = await ask<Hover>("hover");
    expect(hover).toMatchObject({
      range: { start: at(1, 2), end: at(1, 5) },
      contents: { kind: "markdown" },
    });
    expect(JSON.stringify(hover)).toContain("Runs a command in the guest");
    expect(await (await open("((from a|))")).ask("hover")).toBeNull();
  });

  it("completes operations as snippets, base images of the store and recipes, builds and secrets", async () => {
    const complete = async (text: string) => await (await open(text)).ask<CompletionItem[]>("completion");
    const found = (await complete("((from a)\n (r|))")).find(({ label }) => label === "run");
    expect(found).toMatchObject({
      insertTextFormat: 2,
      textEdit: { range: { start: at(1, 2), end: at(1, 3) }, newText: 'run (shell "$1")' },
      documentation: { kind: "markdown" },
    });
    const images = (await complete("((from |))")).map(({ label }) => label);
    expect(images).toEqual(expect.arrayContaining(["mine", "org/other", "debian-12-amd64"]));
    expect(await complete("((from obuilder:te|))")).toContainEqual(
      expect.objectContaining({
        label: "obuilder:team/tools:1.2",
        textEdit: { range: { start: at(0, 7), end: at(0, 18) }, newText: "obuilder:team/tools:1.2" },
      }),
    );
    const builds = await complete("((build x ((from b))) (from a) (copy (from (build |))))");
    expect(builds).toMatchObject([{ label: "x", detail: "(from b)", insertTextFormat: 1 }]);
    const secrets = await complete(
      "((from a) (run (secrets (s (target /s))) (shell x)) (run (secrets (|))))",
    );
    expect(secrets.map(({ label }) => label)).toEqual(["s"]);
  });

  it("goes to the nested build that is copied from", async () => {
    const { uri, ask } = await open(
      "((build x ((from b)))\n (from a)\n (copy (from (build |x)) (src a) (dst b)))",
    );
    expect(await ask<Location>("definition")).toEqual({ uri, range: { start: at(0, 8), end: at(0, 9) } });
  });

  it("has an outline with the steps of nested builds in them", async () => {
    const { ask } = await open("((build x ((from b) (run (shell make))))\n (from a)\n (env A B)|)");
    expect(await ask<DocumentSymbol[]>("documentSymbol")).toMatchObject([
      { name: "x", detail: "build", children: [{ name: "b" }, { name: "make", detail: "run" }] },
      { name: "a", selectionRange: { start: at(1, 7), end: at(1, 8) } },
      { name: "A B", detail: "env", range: { start: at(2, 1), end: at(2, 10) } },
    ]);
  });

  it("formats a spec with its comments, and leaves one with errors as it is", async () => {
    const { ask, document } = await open("; c\n((from a)(env A B));|d");
    const edits = await ask<TextEdit[]>("formatting");
    expect(TextDocument.applyEdits(document, edits)).toBe("; c\n((from a)\n (env A B)\n) ;d\n");
    expect(await (await open("; c\n((from a)\n (env A B)\n)\n|")).ask("formatting")).toEqual([]);
    expect(await (await open("((from a)|")).ask("formatting")).toEqual([]);
  });
});

it("mends what is marked, as lint --fix does, and offers nothing where the author has to decide", async () => {
  const { uri, document } = await open('((from a)\n (workdir b)\n (run (shell "curl https://x.example")))|');
  const { diagnostics } = await client.diagnostics(uri);
  expect(diagnostics.map(({ code }) => code)).toEqual(["relative-workdir", "network-needed"]);
  const actions = async (range: Range): Promise<readonly CodeAction[]> =>
    await client.connection.sendRequest("textDocument/codeAction", {
      ...{ textDocument: { uri }, range, context: { diagnostics } },
    });
  const [action, ...more] = await actions({ start: at(1, 10), end: at(1, 10) });
  expect(more).toEqual([]);
  expect(action).toMatchObject({
    title: "Write the whole path",
    kind: "quickfix",
    diagnostics: [{ code: "relative-workdir" }],
  });
  const edits = action?.edit?.changes?.[uri] ?? [];
  const { text } = fixSource(document.getText());
  expect(TextDocument.applyEdits(document, edits)).toBe(text);
  expect(text).toContain("(workdir /b)");
  expect(await actions({ start: at(2, 0), end: at(2, 20) })).toEqual([]);
});

it("inserts plain text for a client without snippets, and ends with 0 when it is told to", async () => {
  await using plain = await startClient({ args: [`--clientProcessId=${process.pid}`], snippets: false });
  const uri = await plain.open("(");
  const items: CompletionItem[] = await plain.connection.sendRequest("textDocument/completion", {
    ...{ textDocument: { uri }, position: at(0, 1) },
  });
  expect(items.map(({ textEdit, insertTextFormat }) => [textEdit?.newText, insertTextFormat])).toEqual([
    ["(from)", 1],
    ["(build)", 1],
  ]);
  expect(await plain.exit()).toBe(0);
  expect(plain.stderr()).toBe("");
});

it("ends with 1 when its input ends without a word", async () => {
  await using lost = await startClient();
  const ended = new Promise((resolve) => lost.process.once("close", resolve));
  lost.process.stdin?.end();
  expect(await ended).toBe(1);
  expect(lost.stderr()).toBe("");
});
