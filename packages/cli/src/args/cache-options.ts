import { ObError } from "@ob/core";
import type { Spec } from "@ob/spec";
import { booleanAttribute, parseAttributes } from "./attributes.ts";
import type { OptionTable } from "./flags.ts";
import { type Arguments, stringOptions } from "./options.ts";

/** A repository of a registry that layers are pulled from: `--cache-from`. */
export interface CacheSource {
  readonly ref: string;
  /** Plain http; undefined for https, and http on this machine's loopback. */
  readonly insecure: boolean | undefined;
}

/** Where layers are pushed to: `--cache-to`. */
export interface CacheTarget extends CacheSource {
  /** `max`: every layer of the build. `min`: the last one of each stage, with what it consists of. */
  readonly mode: "min" | "max";
  /** A push that fails does not fail the command. */
  readonly ignoreError: boolean;
}

/** What layers are shared with. */
export interface CacheOptions {
  readonly from: readonly CacheSource[];
  readonly to: CacheTarget | undefined;
  /** Why they are not, although they were given: for a warning each. */
  readonly notes: readonly string[];
}

const group = "Sharing layers:";

export const cacheFromOptions: OptionTable = {
  "cache-from": {
    kind: "values",
    value: "type=registry,ref=REF",
    describe: "Take layers from a registry instead of building them; can be repeated",
    group,
  },
};

export const cacheOptions: OptionTable = {
  ...cacheFromOptions,
  "cache-to": {
    kind: "value",
    value: "type=registry,ref=REF",
    describe:
      "Push layers to a registry: mode=min (the last of each stage) or mode=max (all); ignore-error=true; secrets=push for specs with secrets",
    group,
  },
};

const common = ["type", "ref", "registry.insecure"] as const;

/**
 * Reads `--cache-from` and `--cache-to`. The ids of a spec with secrets are hashes over their values, so its layers are neither
 * looked up nor pushed unless that is asked for.
 *
 * @throws ObError `USAGE`
 */
export function readCacheOptions(args: Arguments, spec?: Spec): CacheOptions | undefined {
  const from = stringOptions(args, "cache-from").map((text) => readSource(text));
  const given = args["cache-to"];
  const to = typeof given === "string" ? readTarget(given) : undefined;
  if (from.length === 0 && !to) return undefined;
  const hasSecrets = spec !== undefined && usesSecrets(spec);
  const open = from.filter(({ secrets }) => secrets || !hasSecrets);
  const pushes = to !== undefined && (to.secrets || !hasSecrets);
  const notes = [
    ...(open.length < from.length
      ? ["its layers are not looked up; secrets=pull in --cache-from asks for it"]
      : []),
    ...(to && !pushes ? ["its layers are not pushed; secrets=push in --cache-to asks for it"] : []),
  ];
  return {
    from: open,
    to: pushes ? to : undefined,
    notes: notes.map((note) => `The spec uses secrets: ${note}.`),
  };
}

function readSource(text: string): CacheSource & { readonly secrets: boolean } {
  const flag = "--cache-from";
  // BuildKit's short form.
  if (!text.includes("=")) return { ref: text, insecure: undefined, secrets: false };
  const attributes = parseAttributes(text, { flag, names: [...common, "secrets"] });
  return { ...repositoryOf(attributes, flag), secrets: isAsked(attributes.secrets, { flag, word: "pull" }) };
}

function readTarget(text: string): CacheTarget & { readonly secrets: boolean } {
  const flag = "--cache-to";
  if (!text.includes("=")) {
    return { ref: text, insecure: undefined, mode: "min", ignoreError: false, secrets: false };
  }
  const names = [...common, "mode", "ignore-error", "secrets"] as const;
  const attributes = parseAttributes(text, { flag, names });
  const { mode = "min", secrets } = attributes;
  if (mode !== "min" && mode !== "max") {
    throw new ObError("USAGE", `${flag}: mode takes min or max, not ${JSON.stringify(mode)}.`);
  }
  const ignoreError = booleanAttribute(attributes["ignore-error"], {
    ...{ flag, name: "ignore-error", otherwise: false },
  });
  return {
    ...repositoryOf(attributes, flag),
    ...{ mode, ignoreError, secrets: isAsked(secrets, { flag, word: "push" }) },
  };
}

function repositoryOf(
  { type, ref, "registry.insecure": insecure }: Partial<Record<(typeof common)[number], string>>,
  flag: string,
): CacheSource {
  if (type !== undefined && type !== "registry") {
    throw new ObError("USAGE", `${flag}: type takes registry, not ${JSON.stringify(type)}.`);
  }
  if (ref === undefined) {
    throw new ObError("USAGE", `${flag} needs ref=REF.`, {
      hint: `For example ${flag} type=registry,ref=registry.example/obuilder`,
    });
  }
  const name = "registry.insecure";
  const isInsecure =
    insecure === undefined ? undefined : booleanAttribute(insecure, { flag, name, otherwise: false });
  return { ref, insecure: isInsecure };
}

function isAsked(
  value: string | undefined,
  { flag, word }: { readonly flag: string; readonly word: string },
): boolean {
  if (value === undefined || value === word) return value === word;
  throw new ObError("USAGE", `${flag}: secrets takes ${word}, not ${JSON.stringify(value)}.`);
}

function usesSecrets({ builds, ops }: Spec): boolean {
  return (
    ops.some((op) => op.op === "run" && op.secrets.length > 0) || builds.some(({ spec }) => usesSecrets(spec))
  );
}
