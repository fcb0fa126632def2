import { generateKeyPairSync } from "node:crypto";
import ssh2, { type Connection } from "ssh2";

/*
 * A process with a hostile SSH server: it accepts any key, and sends packets of one kind without end, after the login or after the
 * first command. Prints its port. Arguments: the kind of the packets; `deaf` if it reads nothing from then on.
 */

const [kind = "", deaf] = process.argv.slice(2);

const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const text = (value: string): Buffer => Buffer.concat([number(value.length), Buffer.from(value)]);
const packet = (type: number, ...fields: readonly (Buffer | number)[]): Buffer =>
  Buffer.concat([
    Buffer.of(type),
    ...fields.map((field) => (typeof field === "number" ? Buffer.of(field) : field)),
  ]);

/** Packets by their kind: RFC 4253 and 4254, and OpenSSH's PROTOCOL file. */
const packets: Readonly<Record<string, Buffer>> = {
  requests: packet(80, text("x"), 1),
  "host keys": packet(80, text("hostkeys-00@openssh.com"), 0),
  nothing: packet(2, number(0)),
  channels: packet(90, text("x11"), number(5), number(100), number(100), text("a"), number(1)),
  "window sizes": packet(93, number(0), number(1)),
  "single bytes": packet(94, number(0), text("y")),
  output: packet(94, number(0), text("y".repeat(32_000))),
};
const [payload = Buffer.alloc(0), isOutput] = [packets[kind], ["single bytes", "output"].includes(kind)];

/** What ssh2 has of a connection. */
interface Wire {
  readonly socket: { readonly writableLength: number; readonly pause: () => void };
  readonly write: {
    readonly allocStart: number;
    readonly alloc: (length: number) => Buffer;
    readonly finalize: (bytes: Buffer) => Buffer;
  };
  readonly cipher: { readonly encrypt: (bytes: Buffer) => void };
}

function wireOf(connection: Connection): Wire {
  const protocol = Object(Reflect.get(connection, "_protocol"));
  return {
    socket: Object(Reflect.get(connection, "_sock")),
    write: Object(Reflect.get(Object(Reflect.get(protocol, "_packetRW")), "write")),
    cipher: Object(Reflect.get(protocol, "_cipher")),
  };
}

function send({ write, cipher }: Wire): void {
  const bytes = write.alloc(payload.length);
  bytes.set(payload, write.allocStart);
  cipher.encrypt(write.finalize(bytes));
}

function flood(connection: Connection): void {
  const wire = wireOf(connection);
  if (deaf === "deaf") wire.socket.pause();
  const pump = (): void => {
    for (let sent = 0; sent < 200 && wire.socket.writableLength < 4_000_000; sent++) send(wireOf(connection));
    setImmediate(pump);
  };
  pump();
}

const { privateKey } = generateKeyPairSync("ec", {
  namedCurve: "P-256",
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "sec1", format: "pem" },
});
const server = new ssh2.Server({ hostKeys: [privateKey] }, (connection) => {
  connection.on("error", () => process.exit());
  connection.on("close", () => process.exit());
  connection.on("authentication", (context) => context.accept());
  connection.on("session", (accept) => {
    accept().on("exec", (acceptExec) => {
      acceptExec();
      if (isOutput) flood(connection);
    });
  });
  connection.on("ready", () => {
    if (!isOutput) setTimeout(flood, 100, connection);
  });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`${typeof address === "object" && address ? address.port : 0}\n`);
});
