import { didYouMean, type Emit, noopEmit, ObError } from "@ob/core";
import { buildNames, expandArgs, type SpecSource, targetSpec } from "@ob/spec";
import { checkRequest } from "./check-request.ts";
import { placeOf } from "./place.ts";
import type { BuildRequest } from "./request.ts";

export interface ExpandRequestOptions {
  /** Gets a warning of each value that no arg takes. */
  readonly emit?: Emit | undefined;
}

/**
 * Puts the values of args into a spec, and takes the target out of it. A request without either is returned as it is, and
 * one that was expanded stays the same. Builds and plans do this themselves.
 *
 * @throws ObError `BAD_SPEC` with the place in the spec for an arg without a value, and a text that cannot be expanded; `USAGE` if there is
 *   no build of the target's name.
 */
export function expandRequest(
  request: BuildRequest,
  { emit = noopEmit }: ExpandRequestOptions = {},
): BuildRequest {
  checkRequest("expandRequest", request);
  const { buildArgs, target, ...rest } = request;
  const expanded = expandArgs(request.spec, { values: buildArgs, source: request.source });
  const [problem] = expanded.problems;
  if (problem) {
    const { item, part, message, hint, missing } = problem;
    throw new ObError("BAD_SPEC", sentence(message), {
      at: placeOf(request.source, item, part),
      hint: hint && sentence(hint),
      ...(missing !== undefined && { data: { arg: missing } }),
    });
  }
  for (const name of buildArgs?.keys() ?? []) {
    if (expanded.names.has(name)) continue;
    const meant = didYouMean(name, expanded.names);
    const text = `No (arg …) of the spec takes the value of ${JSON.stringify(name)}.${meant === undefined ? "" : ` ${meant}`}`;
    emit({ type: "log", level: "warning", text });
  }
  const { spec, source } = target === undefined ? expanded : targetOf(expanded, target);
  return spec === request.spec ? rest : { ...rest, spec, source };
}

function targetOf(
  { spec, source }: Pick<BuildRequest, "spec"> & { readonly source: SpecSource | undefined },
  target: string,
): Pick<BuildRequest, "spec" | "source"> {
  const found = targetSpec(spec, target, { source });
  if (found) return found;
  const names = [...new Set(buildNames(spec))];
  const known = names.slice(0, 8).map((name) => JSON.stringify(name));
  throw new ObError("USAGE", `The spec has no build ${JSON.stringify(target)}.`, {
    hint:
      names.length === 0
        ? "It has no nested builds."
        : (didYouMean(target, names) ??
          `Its builds are ${known.join(", ")}${names.length > 8 ? ", …" : ""}.`),
  });
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
