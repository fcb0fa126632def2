import { execFile } from "node:child_process";
import {
  cancelledError,
  environmentWithoutOwn,
  errnoCode,
  missingTool,
  quotedName,
  searchPath,
} from "@ob/core";
import * as v from "valibot";
import { registryError } from "../errors.ts";
import { parseJson } from "../http/json.ts";
import type { Credentials } from "./credentials.ts";

export interface HelperRequest {
  /** The registry, as its helper knows it: `reg.example:5000`. */
  readonly registry: string;
  readonly signal: AbortSignal;
  /** The environment that the helper gets: it needs what tells it where its secrets are. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

const schema = v.object({ Username: v.string(), Secret: v.string() });
const maxOutput = 64 << 10;
const timeoutMs = 30_000;

/**
 * Runs `docker-credential-NAME get`. Its output is never part of a message.
 *
 * @returns undefined if it knows nothing of the registry.
 * @throws ObError `REGISTRY` if the name cannot be one, or the helper fails; `MISSING_TOOL`.
 */
export async function askHelper(
  name: string,
  { registry, signal, env }: HelperRequest,
): Promise<Credentials | undefined> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) {
    throw registryError(`${quotedName(name)} cannot be the name of a credential helper.`);
  }
  const program = `docker-credential-${name}`;
  const { status, stdout } = await runHelper(program, { registry, signal, env });
  if (status !== 0) {
    // What all helpers say, by exit status 1 and this text.
    if (/credentials not found|no credentials server url/i.test(stdout)) return undefined;
    throw registryError(`${program} failed with exit status ${status} for ${registry}.`);
  }
  const { Username: username, Secret: secret } = parseJson(stdout, {
    what: `The answer of ${program}`,
    schema,
  });
  if (username === "<token>") return { kind: "identity", token: secret };
  return username === "" && secret === "" ? undefined : { kind: "password", username, password: secret };
}

async function runHelper(
  program: string,
  { registry, signal, env }: HelperRequest,
): Promise<{ readonly status: number | string; readonly stdout: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number | string; stdout: string }>();
  const options = {
    signal,
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    maxBuffer: maxOutput,
    env: { ...environmentWithoutOwn(env), PATH: env["PATH"] ?? searchPath() },
  } as const;
  const child = execFile(program, ["get"], options, (error, stdout) => {
    if (signal.aborted) reject(cancelledError(signal));
    else if (errnoCode(error) === "ENOENT") reject(missingTool(program));
    else if (error?.killed || errnoCode(error) === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER") {
      reject(
        registryError(
          `${program} did not end in ${timeoutMs / 1000} s, or wrote more than ${maxOutput} bytes.`,
        ),
      );
    } else resolve({ status: error ? (error.code ?? "unknown") : 0, stdout });
  });
  // A helper that ends without reading has its status; the broken pipe adds nothing.
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(registry);
  return await promise;
}
