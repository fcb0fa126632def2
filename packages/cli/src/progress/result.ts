import { errorMessage, isObError, type LayerId, type SpecLocation } from "@ob/core";
import type { Ending } from "../output/ending.ts";
import { codeOf, hintOf, placeOf } from "../output/render-error.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** What a build that has succeeded ends with, in `--progress=json` and in `--metadata-file`. */
export function successFacts(id: LayerId): JsonObject {
  return { outcome: "succeeded", id };
}

/** What a build that has failed ends with, likewise. The fields and their order are part of the interface. */
export function failureFacts({ error, exitCode }: Ending): JsonObject {
  const code = codeOf(error) ?? "INTERNAL";
  const { step, exitCode: status, data } = isObError(error) ? error : {};
  return {
    outcome: code === "CANCELLED" ? "cancelled" : "failed",
    ...{ code, message: errorMessage(error), hint: hintOf(error) ?? null, exitCode },
    location: locationOf(placeOf(error)),
    step: step ? { ...step, status: status ?? null, signal: data?.["signal"] ?? null } : null,
  };
}

/** A place in a spec as JSON has it. */
export function locationOf(at: SpecLocation | undefined): JsonObject | null {
  return at ? { file: at.file, line: at.line, column: at.column } : null;
}
