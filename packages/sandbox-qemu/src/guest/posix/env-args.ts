import { type Environment, ObError } from "@ob/core";

/**
 * Arguments for `env`, which takes names that no shell could assign. The newest variable stands first in a task. Each name
 * occurs once, so their order does not matter.
 *
 * @throws ObError `UNSUPPORTED` for what cannot be a name.
 */
export function environmentArgs(environment: Environment): readonly string[] {
  return environment.map(([key, value]) => {
    if (key !== "" && !key.includes("=")) return `${key}=${value}`;
    throw new ObError(
      "UNSUPPORTED",
      `${JSON.stringify(key)} cannot be the name of an environment variable.`,
      { hint: 'A name must not be empty or hold a "=".' },
    );
  });
}
