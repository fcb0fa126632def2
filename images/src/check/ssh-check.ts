import { ObError, run } from "@ob/core";

export interface LoginOptions {
  readonly port: number;
  readonly user: string;
  readonly sshKey: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Logs in and runs a script, with `OBUILDER_CHECK=yes` in the environment that the client sends.
 *
 * @throws ObError `BASE_IMAGE` with what the script said if it ends with a status other than 0.
 */
export async function checkOverSsh(script: string, options: LoginOptions): Promise<void> {
  const { port, user, sshKey, signal } = options;
  const settings = [
    ...["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"],
    ...["IdentitiesOnly=yes", "ConnectTimeout=60", "SetEnv=OBUILDER_CHECK=yes"],
  ].flatMap((setting) => ["-o", setting]);
  try {
    await run(
      ["ssh", "-F", "none", "-i", sshKey, "-p", `${port}`, ...settings, `${user}@127.0.0.1`, script],
      {
        signal,
        timeoutMs: 600_000,
      },
    );
  } catch (cause) {
    if (!(cause instanceof ObError) || cause.code !== "TOOL_FAILED") throw cause;
    throw new ObError("BASE_IMAGE", `The new image boots, but does not pass its check.\n${cause.message}`, {
      cause,
    });
  }
}
