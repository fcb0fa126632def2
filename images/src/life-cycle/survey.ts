import type { SmokeTestGuest } from "@ob/core";
import { survey } from "./scripts.generated.ts";

/** What a guest says of itself. It is as the guest printed it. */
export interface GuestFacts {
  /** `uname -srm`. */
  readonly system: string;
  /** The release, as people know it; empty if it is not known. */
  readonly release: string;
  /** The login shell. */
  readonly shell: string;
  readonly hasNobody: boolean;
  /** Those programs that the cases can use. */
  readonly tools: readonly string[];
}

export const noFacts: GuestFacts = { system: "", release: "", shell: "", hasNobody: false, tools: [] };

/** The longest fact, in characters. */
const maxFact = 200;

/** Asks a guest that was booted for a check. @throws ObError as `SmokeTestGuest.run`. */
export async function surveyGuest(guest: SmokeTestGuest): Promise<GuestFacts> {
  const { stdout } = await guest.run({ script: survey });
  return readFacts(stdout);
}

/** @param text what the script has printed: lines of `name=value`. */
export function readFacts(text: string): GuestFacts {
  const values = (name: string): readonly string[] =>
    text
      .split(/\r?\n/)
      .filter((line) => line.startsWith(`${name}=`))
      .map((line) => line.slice(name.length + 1, name.length + 1 + maxFact).trim());
  const first = (name: string): string => values(name)[0] ?? "";
  return {
    system: first("system"),
    release: first("release"),
    shell: first("shell"),
    hasNobody: first("nobody") === "yes",
    tools: values("tool"),
  };
}
