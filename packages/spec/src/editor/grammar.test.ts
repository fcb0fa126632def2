import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import oniguruma from "vscode-oniguruma";
import textmate from "vscode-textmate";
import { opNames } from "../decode-op.ts";
import { readSourceTree, type SourceNode } from "./format/source-tree.ts";
import { keywordDocs } from "./language/keyword-docs.ts";

const extension = join(import.meta.dirname, "../../../../editors/vscode");
const file = "syntaxes/obuilder.tmLanguage.json";
const text = readFileSync(join(extension, file), "utf8");

/** As Code does it: TextMate's grammars on the regular expressions of Oniguruma. */
async function loadGrammar() {
  const wasm = createRequire(import.meta.url).resolve("vscode-oniguruma/release/onig.wasm");
  await oniguruma.loadWASM(readFileSync(wasm));
  const registry = new textmate.Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (line) => new oniguruma.OnigString(line),
    }),
    loadGrammar: async () => textmate.parseRawGrammar(text, file),
  });
  const grammar = await registry.loadGrammar("source.obuilder");
  if (grammar === null) throw new Error("no grammar");
  return grammar;
}

const grammar = await loadGrammar();

interface Scoped {
  readonly text: string;
  /** The innermost scope, without the language; empty for what has none. */
  readonly scope: string;
}

function tokensOf(source: string): readonly Scoped[] {
  let state = textmate.INITIAL;
  return source.split("\n").flatMap((line) => {
    const { tokens, ruleStack } = grammar.tokenizeLine(line, state);
    state = ruleStack;
    return tokens.map(({ startIndex, endIndex, scopes }) => ({
      text: line.slice(startIndex, endIndex),
      scope: (scopes.slice(1).at(-1) ?? "").replace(/\.obuilder$/, ""),
    }));
  });
}

function scopeOf(source: string, part: string): string | undefined {
  return tokensOf(source).find((token) => token.text === part)?.scope;
}

describe("the TextMate grammar", () => {
  test("knows all operations and fields", () => {
    for (const name of ["from", "build", ...opNames]) {
      expect(scopeOf(`((${name} x))`, name), name).toBe("keyword.control");
    }
    const known = new Set(["from", "build", ...opNames]);
    const fields = Object.keys(keywordDocs).map((role) => role.split(".").at(-1) ?? "");
    for (const name of fields.filter((field) => !known.has(field))) {
      expect(scopeOf(`(x (${name} y))`, name), name).toBe("support.type.property-name");
    }
  });

  test("distinguishes names, texts, escapes and comments", () => {
    const source = String.raw`; run (shell)
((build tools ((from debian))) ; two
 (from "a b") (run-it x)
 (run (shell "make \"x\" \065 \x4g; (run)
 all")) #; (run (shell "a)b" ; )
 ) (env A B)) #| #| (run) |# "|#" |# (copy)) (workdir /run)`;
    const found = tokensOf(source).filter(({ text: part, scope }) => scope !== "" && part.trim() !== "");
    const scopes = (prefix: string) =>
      found.filter(({ scope }) => scope.startsWith(prefix)).map((token) => token.text);
    expect(scopes("entity.name")).toEqual(["tools", "debian"]);
    expect(scopes("keyword.control")).toEqual(["build", "from", "from", "run", "shell", "copy", "workdir"]);
    expect(scopes("constant.character.escape")).toEqual([String.raw`\"`, String.raw`\"`, String.raw`\065`]);
    expect(scopes("invalid")).toEqual([String.raw`\x4`]);
    expect(scopes("string.unquoted")).toEqual(["run-it", "x", "/run"]);
    expect(scopes("comment").join("")).toContain("(env A B)");
    expect(scopes("string.quoted").join("")).toContain("; (run)");
  });

  test("ends strings and comments where the parser does, in the specs of the conformance tests", () => {
    const specs = ["specs.jsonl", "edge-cases.jsonl"].flatMap((name) =>
      readFileSync(join(import.meta.dirname, "../../test-data", name), "utf8")
        .trimEnd()
        .split("\n")
        .map((line): { spec?: string; ok: boolean } => JSON.parse(line))
        // What `#;` skips is read by a grammar only if it comes next, and is a list or a bare atom.
        .flatMap(({ spec, ok }) => (ok && spec !== undefined && !/#;\s*[#;"]|\r/.test(spec) ? [spec] : [])),
    );
    expect(specs.length).toBeGreaterThan(100);
    for (const spec of specs) {
      const found = tokensOf(spec).filter(({ scope }) => scope.startsWith("punctuation.section.parens"));
      expect(found.map((token) => token.text).join(""), spec).toBe(parentheses(readSourceTree(spec)));
    }
  });
});

/** The parentheses of expressions that are not in comments or strings. */
function parentheses(nodes: readonly SourceNode[]): string {
  return nodes.map((node) => (node.kind === "list" ? `(${parentheses(node.items)})` : "")).join("");
}
