import type { Duplex } from "node:stream";
import { abortable, abortReason, ObError } from "@ob/core";
import type { AnyAuthMethod, Client, ConnectConfig } from "ssh2";
import { type FloodWatch, watchFloods } from "./flood-watch.ts";
import { guestSocket } from "./guest-socket.ts";
import { clientName, identification } from "./identification.ts";
import type { LoginKey } from "./keys.ts";
import { anyShellCommand, isBourneShell } from "./quote/any-shell.ts";
import { loadSsh2 } from "./ssh2.ts";

export interface LoginOptions {
  readonly user: string;
  readonly keys: readonly LoginKey[];
  /** True if `sendIdentification` was called on the socket. By default false. */
  readonly identified?: boolean | undefined;
  readonly signal: AbortSignal;
}

/** A guest that does not answer for `interval × count` milliseconds is lost. */
const keepalive = { interval: 10_000, count: 12 };

/**
 * First the fastest in an emulated guest: ChaCha20 needs no special instructions, and OpenSSL's P-256 takes a quarter less than OpenSSH's own
 * Curve25519. Then those of older servers. The numbers of a group exchange are the server's, and to check them takes half a minute
 * of one turn of the event loop; a compressed packet can be a thousand times as long as it was.
 */
const algorithms: NonNullable<ConnectConfig["algorithms"]> = {
  kex: [
    "ecdh-sha2-nistp256",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group16-sha512",
  ],
  cipher: [
    "chacha20-poly1305@openssh.com",
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes256-ctr",
  ],
  compress: ["none"],
};

/** An authenticated SSH connection. Disposing closes it. */
export class SshSession implements AsyncDisposable {
  readonly client: Client;
  /** Fires with `GUEST_LOST` when the connection is closed. */
  readonly lost: AbortSignal;
  /** The path of the user's login shell, as `identify` has read it; undefined where the guest does not tell. */
  loginShell: string | undefined;

  /** What of the connection is watched. */
  readonly floods: FloodWatch;
  readonly #silences = new DisposableStack();

  constructor(client: Client, { lost, floods }: Pick<SshSession, "lost" | "floods">) {
    this.client = client;
    this.lost = lost;
    this.floods = floods;
  }

  /** For a guest that stands still: until the result is disposed of, it is not lost because it does not answer. */
  expectSilence(): Disposable {
    // ssh2 has no public way to put it off; each call starts the interval anew.
    const putOff = (): void => {
      const reset: unknown = Reflect.get(this.client, "_resetKA");
      if (typeof reset === "function") reset.call(this.client);
    };
    putOff();
    const timer = setInterval(putOff, keepalive.interval / 2);
    timer.unref();
    const silence = new DisposableStack();
    silence.defer(() => clearInterval(timer));
    return this.#silences.use(silence);
  }

  /** A command line, for a Bourne shell, in the form that the login shell reads. */
  lineFor(command: string): string {
    const { loginShell } = this;
    if (loginShell === undefined) return command;
    // zsh expands aliases here, too: one of `exec` is not meant.
    return isBourneShell(loginShell)
      ? command.replace(/^exec /, String.raw`\exec `)
      : anyShellCommand(command);
  }

  /**
   * Resolves once the server has answered a request that changes nothing. OpenSSH says that a login has succeeded before it starts the
   * processes of the session; it is one of these that answers.
   *
   * @throws ObError `GUEST_LOST`; the signal's reason.
   */
  async roundTrip(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = abortable(promise, AbortSignal.any([signal, this.lost]));
    // Nothing was forwarded: that the server refuses is an answer, too.
    if (!this.lost.aborted) this.client.unforwardIn("127.0.0.1", 0, () => resolve());
    await waiting;
  }

  // oxlint-disable-next-line require-await -- closing a socket takes no waiting.
  async [Symbol.asyncDispose](): Promise<void> {
    this.floods[Symbol.dispose]();
    this.#silences.dispose();
    this.client.destroy();
  }
}

/**
 * Logs in on a connected socket, or another stream, whose other end speaks SSH. The socket is closed if that fails.
 *
 * The host key is not checked: it is not known, and `identify` verifies the guest.
 *
 * @throws ObError `LOGIN_FAILED` if every key is rejected; `GUEST_LOST` if the connection is closed before that;
 *   the signal's reason.
 */
export async function openSession(socket: Duplex, options: LoginOptions): Promise<SshSession> {
  const { user, keys, identified = false, signal } = options;
  const { Client: SshClient } = await loadSsh2();
  const client = new SshClient();
  const stream = guestSocket(socket, identified ? { wasSent: identification } : {});
  const gone = new AbortController();
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  let cause = "the connection was closed";
  const floods = watchFloods({ client, socket: stream }, (error) => {
    gone.abort(error);
    reject(error);
    client.destroy();
  });
  client.once("ready", resolve);
  client.on("error", (error) => {
    cause = error.message;
    if (error.level === "client-authentication") reject(loginRejected(user, keys, error));
  });
  client.once("close", () => {
    floods[Symbol.dispose]();
    const error = new ObError("GUEST_LOST", `The SSH connection to the guest was lost: ${cause}.`);
    gone.abort(error);
    reject(error);
  });
  try {
    client.connect({
      sock: stream,
      ident: clientName,
      username: user,
      authHandler: offerEach(user, keys),
      // The caller's signal has a deadline.
      readyTimeout: 0,
      keepaliveInterval: keepalive.interval,
      keepaliveCountMax: keepalive.count,
      algorithms,
    });
    await abortable(ready, signal);
  } catch (error) {
    floods[Symbol.dispose]();
    client.destroy();
    stream.destroy();
    throw signal.aborted ? abortReason(signal) : error;
  }
  return new SshSession(client, { lost: gone.signal, floods });
}

function offerEach(user: string, keys: readonly LoginKey[]): AnyAuthMethod[] {
  return keys.map((key) =>
    key.kind === "agent"
      ? { type: "agent", username: user, agent: key.socket }
      : { type: "publickey", username: user, key: key.key },
  );
}

const keyHint = {
  hint: "Name the right key as sshKey in the image's manifest.",
  data: { option: "sshKey" },
};

/** The error for a guest to which no key can be offered. */
export function noKey(user: string, cause?: Error): ObError {
  const message = `There is no SSH key to log in to the guest as ${user}.`;
  return new ObError("LOGIN_FAILED", message, { cause, ...keyHint });
}

function loginRejected(user: string, keys: readonly LoginKey[], cause: Error): ObError {
  if (keys.length === 0) return noKey(user, cause);
  const tried = keys.map(({ label }) => label).join(", ");
  const message = `The guest rejected these SSH keys for the user ${user}: ${tried}.`;
  return new ObError("LOGIN_FAILED", message, { cause, ...keyHint });
}
