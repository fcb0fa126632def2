import { type Environment, ObError } from "@ob/core";

/**
 * Arguments for `env`, which also accepts names that no shell can assign. A task lists the newest variable first. Each
 * name occurs once, so the order does not matter.
 *
 * @throws ObError `UNSUPPORTED` for an invalid name.
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
