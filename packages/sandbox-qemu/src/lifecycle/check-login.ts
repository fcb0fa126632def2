import { deadline, isObError, ObError } from "@ob/core";
import { type GuestConnection, runGuestCommand } from "../guest/guest-command.ts";
import { loginShellIn } from "../guest/posix/identity.ts";
import { problemIn } from "../guest/posix/login-check.ts";
import { exitNoServer } from "../guest/exit-statuses.ts";
import type { LoginCheck } from "../guest/profile.ts";
import { capture } from "../ssh/exec.ts";
import { serveOnChannel } from "../ssh/nested.ts";
import { openSession, type SshSession } from "../ssh/session.ts";
import { identify } from "./identify.ts";
import type { GuestSession } from "./start-guest.ts";

/** How long a login may take, in milliseconds. */
const loginTimeout = 120_000;

export interface CheckLoginOptions {
  readonly connection: GuestConnection;
  /** How long the step has taken, in milliseconds. */
  readonly duration: number;
}

/**
 * Whether the next step can log in to a guest. If the step has changed what a login depends on, one is made: to an SSH server
 * that reads its configuration again, with the key of the first login, up to root. In guests whose profile does not say how to find
 * that out, one is always made, to the SSH server that runs.
 *
 * @returns what makes a login impossible; undefined if it is possible.
 * @throws ObError `GUEST_LOST`, the signal's reason.
 */
export async function checkLogin(
  running: GuestSession,
  { connection, duration }: CheckLoginOptions,
): Promise<string | undefined> {
  const { loginCheck } = running.profile;
  if (!loginCheck) return await problemOf(connection, logInWithin(running, connection.signal));
  const printed = await runGuestCommand(loginCheck.changes(duration), connection);
  const problem = problemIn(printed);
  if (problem !== undefined) return problem;
  const changes = printed.split("\n").filter((line) => line !== "");
  if (changes.length === 0) return undefined;
  const failure = await problemOf(connection, tryLogin(running, loginCheck, connection));
  if (failure === undefined) return undefined;
  const missing = changes.find((line) => line.startsWith(missingKeys));
  return [failure, missing].filter((part) => part !== undefined).join("; ");
}

/** Why a login failed; undefined if it did not. @throws what is not an error of the login itself. */
async function problemOf(
  { session, signal }: GuestConnection,
  login: Promise<void>,
): Promise<string | undefined> {
  try {
    await login;
    return undefined;
  } catch (error) {
    if (signal.aborted || session.lost.aborted || !isObError(error)) throw error;
    return error.message.replace(/\.$/, "");
  }
}

/** How `LoginCheck.changes` reports that the file with the login user's keys is not where it usually is. */
const missingKeys = "there is no ";

function loginLimit() {
  return deadline(
    loginTimeout,
    () => new ObError("LOGIN_FAILED", `a login was not complete after ${loginTimeout / 1000} s`),
  );
}

async function logInWithin(running: GuestSession, caller: AbortSignal): Promise<void> {
  using limit = loginLimit();
  await logInAgain(running, AbortSignal.any([caller, limit.signal]));
}

/** @throws ObError with the reason why a login is not possible. */
async function tryLogin(
  running: GuestSession,
  { server }: LoginCheck,
  { session, signal: caller }: GuestConnection,
): Promise<void> {
  using limit = loginLimit();
  const signal = AbortSignal.any([caller, limit.signal]);
  await using served = await serveOnChannel(server, { session, signal });
  try {
    await using inner = await openSession(served.stream, { ...running.login, signal });
    const { stdout } = await capture(inner, running.profile.identity, { signal });
    inner.loginShell = loginShellIn(stdout);
    await checkRootAccess(running, inner, signal);
  } catch (error) {
    const { status, errors } = await served.end();
    if (status?.kind === "exited" && status.code === exitNoServer) return await logInAgain(running, signal);
    const reason = reasonIn(errors);
    throw reason === undefined ? error : new ObError("LOGIN_FAILED", reason, { cause: error });
  }
}

/** A login by a new connection to the SSH server that runs. */
async function logInAgain(running: GuestSession, signal: AbortSignal): Promise<void> {
  const { vm, login, profile } = running;
  const socket = vm.connect();
  socket.on("error", () => undefined);
  await using inner = await openSession(socket, { ...login, signal });
  await identify({ session: inner, machineId: vm.id, profile, timeoutMs: loginTimeout, signal });
  await checkRootAccess(running, inner, signal);
}

async function checkRootAccess(
  { profile }: GuestSession,
  session: SshSession,
  signal: AbortSignal,
): Promise<void> {
  await runGuestCommand(profile.prepare, { session, signal });
}

/** Lines of sshd's log that only say that the connection has ended. */
const trivial =
  /^(?:$|Accepted |Connection (?:closed|from|reset) |Disconnect|Postponed |Received disconnect|Starting session)/;

/** The reasons in the log of an SSH server. */
function reasonIn(errors: string): string | undefined {
  const lines = errors.split(/\r?\n/).filter((line) => !trivial.test(line));
  return lines.length === 0 ? undefined : lines.slice(0, 3).join("; ");
}
