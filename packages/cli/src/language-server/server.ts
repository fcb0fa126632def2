import { Readable } from "node:stream";
import { type Completion, openDocument, type SpecDocument } from "@ob/spec/editor";
import { createConnection, TextDocuments, TextDocumentSyncKind } from "vscode-languageserver";
import {
  createProtocolConnection,
  type DocumentUri,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-languageserver-protocol/node";
import { TextDocument } from "vscode-languageserver-textdocument";
import type { ProcessIo } from "../process-io.ts";
import { version } from "../version.ts";
import { toCodeActions, toCompletionItem, toDiagnostic, toDocumentSymbol, toRange } from "./to-protocol.ts";

export interface LanguageServerOptions {
  readonly io: Pick<ProcessIo, "stdin" | "stdout" | "signal">;
  /** The names of base images and of layers for `(from NAME)`; it is called for each completion there. */
  readonly baseImages: () => Promise<readonly string[]>;
}

/**
 * Serves the Language Server Protocol on standard input and output until the client says "exit", the input ends or the signal fires.
 *
 * @returns the exit code: 0 after a "shutdown", otherwise 1.
 */
export async function runLanguageServer({ io, baseImages }: LanguageServerOptions): Promise<number> {
  const { promise: ended, resolve: end } = Promise.withResolvers<number>();
  const watchDog = { shutdownReceived: false, initialize: () => {}, exit: end };
  const input = Readable.from(io.stdin, { objectMode: false });
  input.on("close", () => end(watchDog.shutdownReceived ? 0 : 1));
  io.signal.addEventListener("abort", () => end(1), { once: true });
  const connection = createConnection(
    (logger) =>
      createProtocolConnection(new StreamMessageReader(input), new StreamMessageWriter(io.stdout), logger),
    watchDog,
  );
  serve(connection, { baseImages });
  connection.listen();
  const code = await ended;
  connection.dispose();
  input.destroy();
  return code;
}

type Connection = ReturnType<typeof createConnection>;

type Open = (uri: DocumentUri) => Opened | undefined;

function serve(connection: Connection, { baseImages }: Pick<LanguageServerOptions, "baseImages">): void {
  const documents = new TextDocuments(TextDocument);
  const opened = createCache(documents);
  let supportsSnippets = false;

  connection.onInitialize(({ capabilities }) => {
    supportsSnippets = capabilities.textDocument?.completion?.completionItem?.snippetSupport === true;
    return {
      serverInfo: { name: "obuilder", version: version().trimEnd() },
      capabilities: {
        textDocumentSync: TextDocumentSyncKind.Incremental,
        hoverProvider: true,
        completionProvider: { triggerCharacters: ["(", " "] },
        definitionProvider: true,
        documentSymbolProvider: true,
        documentFormattingProvider: true,
        codeActionProvider: { codeActionKinds: ["quickfix"] },
      },
    };
  });
  documents.onDidChangeContent(({ document }) => {
    const diagnostics =
      opened(document.uri)
        ?.spec.problems()
        .map((problem) => toDiagnostic(document, problem)) ?? [];
    void connection.sendDiagnostics({ uri: document.uri, version: document.version, diagnostics });
  });
  documents.onDidClose(({ document: { uri } }) => {
    void connection.sendDiagnostics({ uri, diagnostics: [] });
  });
  connection.onCompletion(async ({ textDocument, position }) => {
    const { document, spec } = opened(textDocument.uri) ?? {};
    if (document === undefined || spec === undefined) return [];
    const found = await completions(spec, document.offsetAt(position), baseImages);
    return found.map((each) => toCompletionItem(document, each, supportsSnippets));
  });
  answer(connection, opened);
  documents.listen(connection);
}

/** Answers what needs nothing but the text. */
function answer(connection: Connection, opened: Open): void {
  connection.onHover(({ textDocument, position }) => {
    const { document, spec } = opened(textDocument.uri) ?? {};
    const hover = document && spec?.hover(document.offsetAt(position));
    return hover && { contents: { kind: "markdown", value: hover.text }, range: toRange(document, hover.at) };
  });
  connection.onDefinition(({ textDocument: { uri }, position }) => {
    const { document, spec } = opened(uri) ?? {};
    const at = document && spec?.definition(document.offsetAt(position));
    return at && { uri, range: toRange(document, at) };
  });
  connection.onDocumentSymbol(({ textDocument }) => {
    const { document, spec } = opened(textDocument.uri) ?? {};
    return document && spec?.symbols().map((symbol) => toDocumentSymbol(document, symbol));
  });
  connection.onCodeAction(({ textDocument: { uri }, range }) => {
    const { document, spec } = opened(uri) ?? {};
    if (document === undefined) return [];
    const [start, end] = [document.offsetAt(range.start), document.offsetAt(range.end)];
    const found = spec?.problems().filter(({ at }) => at.start <= end && start <= at.end) ?? [];
    return found.flatMap((problem) => toCodeActions(document, problem));
  });
  connection.onDocumentFormatting(({ textDocument }) => {
    const { document, spec } = opened(textDocument.uri) ?? {};
    // The diagnostics say what is wrong.
    if (
      document === undefined ||
      spec === undefined ||
      spec.problems().some(({ rule }) => rule === undefined)
    ) {
      return [];
    }
    const newText = spec.format();
    const whole = toRange(document, { start: 0, end: spec.text.length });
    return newText === spec.text ? [] : [{ range: whole, newText }];
  });
}

/** Base images are read from the disk only where one is asked for. */
async function completions(
  spec: SpecDocument,
  offset: number,
  baseImages: LanguageServerOptions["baseImages"],
): Promise<readonly Completion[]> {
  const marker = "\0";
  const asked = spec.completions(offset, { baseImages: [marker] });
  if (!asked.some(({ label }) => label === marker)) return asked;
  return spec.completions(offset, { baseImages: await baseImages() });
}

interface Opened {
  readonly document: TextDocument;
  readonly spec: SpecDocument;
}

/** Each version of a document is read once. */
function createCache(documents: TextDocuments<TextDocument>): Open {
  const found = new Map<DocumentUri, Opened & { readonly version: number }>();
  documents.onDidClose(({ document }) => void found.delete(document.uri));
  return (uri) => {
    const document = documents.get(uri);
    if (document === undefined) return undefined;
    const known = found.get(uri);
    if (known?.version === document.version) return known;
    const read = { document, spec: openDocument(document.getText()), version: document.version };
    found.set(uri, read);
    return read;
  };
}
