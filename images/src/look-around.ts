import { ObError, run } from "@ob/core";

export interface LoginOptions {
  readonly port: number;
  readonly sshKey: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Logs in as `opam` and runs a script, with `OBUILDER_CHECK=yes` in the environment that the client sends.
 *
 * @throws ObError `BASE_IMAGE` with what the script said if it ends with a status other than 0.
 */
export async function lookAround(script: string, { port, sshKey, signal }: LoginOptions): Promise<void> {
  const settings = [
    ...["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"],
    ...["IdentitiesOnly=yes", "ConnectTimeout=60", "SetEnv=OBUILDER_CHECK=yes"],
  ].flatMap((setting) => ["-o", setting]);
  try {
    await run(["ssh", "-F", "none", "-i", sshKey, "-p", `${port}`, ...settings, "opam@127.0.0.1", script], {
      signal,
      timeoutMs: 120_000,
    });
  } catch (cause) {
    if (!(cause instanceof ObError) || cause.code !== "TOOL_FAILED") throw cause;
    throw new ObError("BASE_IMAGE", `The new image boots, but does not pass its check.\n${cause.message}`, {
      cause,
    });
  }
}
