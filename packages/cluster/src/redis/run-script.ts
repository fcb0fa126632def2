import { createHash } from "node:crypto";
import type { Redis } from "ioredis";

/** A Lua script: Redis runs it as one command. */
export interface Script {
  readonly text: string;
  readonly sha1: string;
}

export function script(text: string): Script {
  return { text, sha1: createHash("sha1").update(text).digest("hex") };
}

export interface ScriptInput {
  readonly keys: readonly string[];
  readonly args: readonly (string | number | Buffer)[];
}

/** Runs a script by its digest; a server that does not have it yet, as after a restart, is given its text. */
export async function runScript(
  redis: Redis,
  { text, sha1 }: Script,
  { keys, args }: ScriptInput,
): Promise<unknown> {
  const input = [...keys, ...args];
  try {
    return await redis.evalsha(sha1, keys.length, ...input);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes("NOSCRIPT")) throw error;
    return await redis.eval(text, keys.length, ...input);
  }
}
