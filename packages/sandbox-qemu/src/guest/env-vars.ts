import { type Environment, ObError } from "@ob/core";

/**
 * Words for `env` (it takes names that no shell could assign). The newest stands first in a task; a program sees each
 * name once, so the order is of no account.
 *
 * @throws ObError `UNSUPPORTED` for what cannot be a name.
 */
export function environmentArgs(environment: Environment): string[] {
  return environment.map(([key, value]) => {
    if (key !== "" && !key.includes("=")) return `${key}=${value}`;
    throw new ObError(
      "UNSUPPORTED",
      `${JSON.stringify(key)} cannot be the name of an environment variable.`,
      { hint: 'A name must not be empty or hold a "=".' },
    );
  });
}
