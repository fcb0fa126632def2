import type { Completion, LintProblem, Range as Offsets, Severity, SpecSymbol } from "@ob/spec/editor";
import {
  type CodeAction,
  CodeActionKind,
  type CompletionItem,
  CompletionItemKind,
  type Diagnostic,
  DiagnosticSeverity,
  type DocumentSymbol,
  InsertTextFormat,
  type Range,
  SymbolKind,
} from "vscode-languageserver";
import type { TextDocument } from "vscode-languageserver-textdocument";

const rulesPage = "https://github.com/obuilder-ts/obuilder/blob/main/docs/lint.md";

const severities: Readonly<Record<Severity, DiagnosticSeverity>> = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  info: DiagnosticSeverity.Information,
};

const completionKinds: Readonly<Record<Completion["kind"], CompletionItemKind>> = {
  keyword: CompletionItemKind.Keyword,
  build: CompletionItemKind.Module,
  image: CompletionItemKind.File,
  secret: CompletionItemKind.Variable,
  cache: CompletionItemKind.Variable,
  value: CompletionItemKind.Value,
};

const symbolKinds: Readonly<Record<SpecSymbol["kind"], SymbolKind>> = {
  base: SymbolKind.Package,
  build: SymbolKind.Module,
  run: SymbolKind.Event,
  copy: SymbolKind.File,
  setting: SymbolKind.Property,
};

/** Offsets are in UTF-16 units, as the protocol's positions are by default. */
export function toRange(document: TextDocument, { start, end }: Offsets): Range {
  return { start: document.positionAt(start), end: document.positionAt(end) };
}

export function toDiagnostic(document: TextDocument, problem: LintProblem): Diagnostic {
  const { at, severity, rule, message, hint, notes = [] } = problem;
  return {
    range: toRange(document, at),
    severity: severities[severity],
    source: "obuilder",
    message: hint === undefined ? message : `${message}\nhint: ${hint}`,
    ...(rule !== undefined && { code: rule, codeDescription: { href: `${rulesPage}#${rule}` } }),
    relatedInformation: notes.map((note) => ({
      location: { uri: document.uri, range: toRange(document, note.at) },
      message: note.message,
    })),
  };
}

/** What mends a problem, as `lint --fix` does; nothing where nothing is certain. */
export function toCodeActions(document: TextDocument, problem: LintProblem): readonly CodeAction[] {
  if (problem.fix === undefined) return [];
  const { title, edits } = problem.fix;
  const changes = edits.map(({ at, text }) => ({ range: toRange(document, at), newText: text }));
  return [
    {
      title,
      kind: CodeActionKind.QuickFix,
      diagnostics: [toDiagnostic(document, problem)],
      isPreferred: true,
      edit: { changes: { [document.uri]: changes } },
    },
  ];
}

/** @param snippets whether the client lets its user fill in parts of what is inserted. */
export function toCompletionItem(
  document: TextDocument,
  found: Completion,
  snippets: boolean,
): CompletionItem {
  const { label, kind, at, text, snippet, detail, documentation } = found;
  const isSnippet = snippets && snippet !== undefined;
  return {
    label,
    kind: completionKinds[kind],
    textEdit: { range: toRange(document, at), newText: isSnippet ? snippet : text },
    insertTextFormat: isSnippet ? InsertTextFormat.Snippet : InsertTextFormat.PlainText,
    filterText: text,
    ...(detail !== undefined && { detail }),
    ...(documentation !== undefined && { documentation: { kind: "markdown", value: documentation } }),
  };
}

/** Builds are nested as in the text. */
export function toDocumentSymbol(document: TextDocument, symbol: SpecSymbol): DocumentSymbol {
  const { name, detail, kind, at, nameAt, children } = symbol;
  return {
    name,
    detail,
    kind: symbolKinds[kind],
    range: toRange(document, at),
    selectionRange: toRange(document, nameAt),
    children: children.map((child) => toDocumentSymbol(document, child)),
  };
}
