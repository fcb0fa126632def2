import { ObError, run } from "@ob/core";

export interface LoginOptions {
  readonly port: number;
  readonly user: string;
  readonly sshKey: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Logs in and runs a script. The client sends `OBUILDER_CHECK=yes` in the environment.
 *
 * @throws ObError `BASE_IMAGE` with the script's output if its exit status is not 0.
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
