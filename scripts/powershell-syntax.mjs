// Finds errors of syntax in PowerShell scripts, by the grammar that VS Code's editor has: no PowerShell runs here.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import treeSitter from "@vscode/tree-sitter-wasm";

const { Language, Parser } = treeSitter;

/** The repository's PowerShell scripts, as paths from its root. */
export function powershellScripts() {
  const patterns = ["packages/*/src/**/*.ps1", "images/*/{guest,scripts}/**/*.ps1"];
  return globSync(patterns, { cwd: join(import.meta.dirname, "..") }).toSorted();
}

/** A function that returns the places of errors in a script's text, as `LINE:COLUMN TEXT`. */
export async function powershellParser() {
  await Parser.init();
  const grammar = import.meta.resolve("@vscode/tree-sitter-wasm/wasm/tree-sitter-powershell.wasm");
  const parser = new Parser();
  parser.setLanguage(await Language.load(readFileSync(fileURLToPath(grammar))));
  return (text) => {
    const tree = parser.parse(text);
    const errors = tree === null ? ["1:1 cannot be parsed"] : [...errorsIn(tree.rootNode)];
    tree?.delete();
    return errors;
  };
}

function* errorsIn(node) {
  if (!node.hasError && !node.isMissing) return;
  const { row, column } = node.startPosition;
  const place = `${row + 1}:${column + 1}`;
  if (node.isMissing) yield `${place} ${node.type} is missing`;
  else if (node.isError) yield `${place} ${JSON.stringify(node.text.split("\n")[0])}`;
  else for (const child of node.children) if (child !== null) yield* errorsIn(child);
}
