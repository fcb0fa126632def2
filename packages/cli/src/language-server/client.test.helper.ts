import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import {
  createProtocolConnection,
  type InitializeResult,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-languageserver-protocol/node";

const binary = path.resolve(import.meta.dirname, "../../bin/obuilder-dev.js");

/** A client of the protocol, as an editor is one, with the server that it has started. */
export interface Client extends AsyncDisposable {
  readonly connection: ProtocolConnection;
  readonly initialized: InitializeResult;
  /** Opens a document with a name of its own. @returns its URI. */
  open(text: string): Promise<string>;
  /** The next diagnostics of a document that were not asked for before. */
  diagnostics(uri: string): Promise<PublishDiagnosticsParams>;
  /** Says "shutdown" and "exit". @returns the exit code. */
  exit(): Promise<number | null>;
  readonly process: ChildProcess;
  /** Of the server on standard error so far. */
  stderr(): string;
}

export interface ClientOptions {
  readonly args?: readonly string[];
  readonly snippets?: boolean;
}

/** Starts `obuilder language-server` from the sources. */
export async function startClient({ args = [], snippets = true }: ClientOptions = {}): Promise<Client> {
  const words = ["--conditions=@ob/source", binary, "language-server", "--stdio", ...args];
  const server = spawn(process.execPath, words, { env: { ...process.env, OBUILDER_STORE: undefined } });
  let errors = "";
  server.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => server.once("close", resolve));
  const connection = createProtocolConnection(
    new StreamMessageReader(server.stdout),
    new StreamMessageWriter(server.stdin),
  );
  const published = createQueues<PublishDiagnosticsParams>();
  connection.onNotification("textDocument/publishDiagnostics", (found: PublishDiagnosticsParams) =>
    published.push(found.uri, found),
  );
  connection.listen();
  const initialized: InitializeResult = await connection.sendRequest("initialize", {
    processId: process.pid,
    rootUri: null,
    capabilities: { textDocument: { completion: { completionItem: { snippetSupport: snippets } } } },
  });
  await connection.sendNotification("initialized", {});
  let count = 0;
  return {
    ...{ connection, initialized, process: server, stderr: () => errors },
    open: async (text) => {
      const uri = `file:///specs/${++count}.spec`;
      await connection.sendNotification("textDocument/didOpen", {
        textDocument: { uri, languageId: "obuilder", version: 1, text },
      });
      return uri;
    },
    diagnostics: (uri) => published.next(uri),
    exit: async () => {
      await connection.sendRequest("shutdown");
      await connection.sendNotification("exit");
      return await exited;
    },
    async [Symbol.asyncDispose]() {
      connection.dispose();
      server.stdin.end();
      server.kill();
      await exited;
    },
  };
}

/** Values by a key, each taken once and in order. */
function createQueues<T>() {
  const values = new Map<string, T[]>();
  const waiting = new Map<string, ((value: T) => void)[]>();
  const listOf = <V>(map: Map<string, V[]>, key: string): V[] => {
    const list = map.get(key) ?? [];
    map.set(key, list);
    return list;
  };
  return {
    push: (key: string, value: T): void => {
      const next = listOf(waiting, key).shift();
      if (next === undefined) listOf(values, key).push(value);
      else next(value);
    },
    next: (key: string): Promise<T> =>
      new Promise((resolve) => {
        const value = listOf(values, key).shift();
        if (value === undefined) listOf(waiting, key).push(resolve);
        else resolve(value);
      }),
  };
}
