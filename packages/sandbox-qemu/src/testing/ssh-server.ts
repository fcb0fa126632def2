import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import ssh2, { type Connection, type ParsedKey, type ServerChannel } from "ssh2";

/** A new key, as OpenSSL writes it. */
export function newKey(): ParsedKey & { readonly text: string } {
  const { privateKey: text } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "sec1", format: "pem" },
  });
  return Object.assign(parsedKey(text), { text });
}

/** The key in the text of a private key file. */
export function parsedKey(text: string): ParsedKey {
  const key = ssh2.utils.parseKey(text);
  if (key instanceof Error) throw key;
  return key;
}

/** A passphrase-protected private key, as OpenSSL writes it. */
export function lockedKey(): string {
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs1", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" },
  });
  return privateKey;
}

export interface TestServerOptions {
  /** The key that is accepted; none by default. */
  readonly accepts?: ParsedKey | undefined;
  /** Handles a command. */
  readonly onExec?: (command: string, channel: ServerChannel, connection: Connection) => void;
  /** Called with the terminal's kind and size, and with each later size. */
  readonly onScreen?: (screen: {
    readonly term?: string;
    readonly cols: number;
    readonly rows: number;
  }) => void;
  /** The methods that a rejected client is told to continue with; by default public keys only. */
  readonly offers?: readonly ("publickey" | "password" | "keyboard-interactive")[];
  /** Called with each method that the client tries. */
  readonly onMethod?: (method: string) => void;
  /** Called with each connection that is logged in. */
  readonly onLogin?: (connection: Connection) => void;
  /** How many connections are closed before the first that is served. */
  readonly hangUps?: number;
}

export interface TestServer extends AsyncDisposable {
  readonly port: number;
  /** How many logins were rejected. */
  readonly refusals: () => number;
  connect(): Promise<Socket>;
}

/** An SSH server in this process, in place of a guest's. */
export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  const { accepts, offers = ["publickey"], onMethod, onLogin } = options;
  let hangUps = options.hangUps ?? 0;
  let refusals = 0;
  const connections = new Set<Connection>();
  const server = new ssh2.Server({ hostKeys: [newKey().text] }, (connection) => {
    connections.add(connection);
    connection.on("error", () => undefined);
    connection.once("close", () => void connections.delete(connection));
    if (hangUps > 0) {
      hangUps -= 1;
      connection.end();
      return;
    }
    connection.on("ready", () => onLogin?.(connection));
    connection.on("authentication", (context) => {
      onMethod?.(context.method);
      const known =
        context.method === "publickey" &&
        accepts !== undefined &&
        context.key.data.equals(accepts.getPublicSSH());
      if (known) {
        context.accept();
      } else {
        refusals += 1;
        context.reject([...offers]);
      }
    });
    handleSessions(connection, options);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return {
    port,
    refusals: () => refusals,
    connect: async () => {
      const socket = connect(port, "127.0.0.1");
      await once(socket, "connect");
      return socket;
    },
    [Symbol.asyncDispose]: async () => {
      for (const connection of connections) connection.end();
      server.close();
      await Promise.resolve();
    },
  };
}

function handleSessions(connection: Connection, { onExec, onScreen }: TestServerOptions): void {
  connection.on("session", (accept) => {
    const session = accept();
    // As OpenSSH: answered if the client asks for an answer.
    session.on("pty", (acceptPty, _reject, { cols, rows, ...rest }) => {
      onScreen?.({ cols, rows, ...rest });
      acceptPty?.();
    });
    session.on("window-change", (acceptChange, _reject, { cols, rows }) => {
      onScreen?.({ cols, rows });
      acceptChange?.();
    });
    session.on("shell", (acceptShell) => {
      const channel = acceptShell();
      channel.on("error", () => undefined);
      onExec?.("(login shell)", channel, connection);
    });
    session.on("exec", (acceptExec, _reject, { command }) => {
      const channel = acceptExec();
      channel.on("error", () => undefined);
      onExec?.(command, channel, connection);
    });
  });
}
