import { readFile } from "node:fs/promises";
import { errorMessage, ObError } from "@ob/core";
import { parseAttributes } from "./attributes.ts";
import type { OptionTable } from "./flags.ts";

export const secretOptions: OptionTable = {
  secret: {
    kind: "values",
    value: "ID:FILE",
    describe:
      "The file with the secret ID, also as id=ID,src=FILE; id=ID,env=NAME: a variable. Can be repeated",
    group: "Spec:",
  },
};

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Reads the secrets of `--secret`: `ID:FILE`, or in BuildKit's form `id=ID,src=FILE` or `id=ID,env=NAME`. An id given twice keeps its
 * first value, as in the original.
 *
 * @throws ObError `USAGE` for the syntax, `BAD_SECRET` for the file or the variable. No message contains a part of a secret.
 */
export async function readSecrets(
  given: readonly string[],
  env: Env,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const secrets = new Map<string, Uint8Array>();
  for (const text of given) {
    const source = parseSecret(text, env);
    if (!secrets.has(source.id)) secrets.set(source.id, await readSource(source, env));
  }
  return secrets;
}

type SecretSource =
  | { readonly id: string; readonly kind: "file"; readonly file: string }
  | { readonly id: string; readonly kind: "variable"; readonly name: string };

function parseSecret(text: string, env: Env): SecretSource {
  if (/^"?(?:id|src|source|env|type)=/i.test(text)) return parseBuildkitForm(text, env);
  const [, id, file] = /^([^:]+):(.+)$/s.exec(text) ?? [];
  if (id !== undefined && file !== undefined) return { id, kind: "file", file };
  throw new ObError("USAGE", `--secret takes ID:FILE, not ${JSON.stringify(text)}.`, {
    hint: "ID is the name in the spec, FILE the path of the file with the secret. BuildKit's form is id=ID,src=FILE or id=ID,env=NAME.",
  });
}

function parseBuildkitForm(text: string, env: Env): SecretSource {
  const flag = "--secret";
  const attributes = parseAttributes(text, { flag, names: ["id", "src", "source", "env", "type"] });
  const { id, env: name, type, src, source } = attributes;
  if (id === undefined) throw new ObError("USAGE", `${flag} needs id=ID.`);
  if (type !== undefined && type !== "file" && type !== "env") {
    throw new ObError("USAGE", `${flag}: type takes file or env, not ${JSON.stringify(type)}.`);
  }
  const files = [src, source].filter((file) => file !== undefined);
  if (files.length + (name === undefined ? 0 : 1) > 1) {
    throw new ObError("USAGE", `${flag}: src, source and env exclude each other.`);
  }
  const [file] = files;
  if (name !== undefined) {
    if (type === "file") throw new ObError("USAGE", `${flag}: type=file has no env.`);
    return { id, kind: "variable", name };
  }
  // As BuildKit: with type=env, `src` is the name of a variable; without either, the id is that of a variable or a file.
  if (type === "env") return { id, kind: "variable", name: file ?? id };
  if (file !== undefined) return { id, kind: "file", file };
  return type === undefined && env[id] !== undefined
    ? { id, kind: "variable", name: id }
    : { id, kind: "file", file: id };
}

async function readSource(source: SecretSource, env: Env): Promise<Uint8Array> {
  const { id } = source;
  if (source.kind === "variable") {
    const value = env[source.name];
    if (value !== undefined) return Buffer.from(value);
    throw new ObError(
      "BAD_SECRET",
      `The secret ${JSON.stringify(id)} cannot be read: the variable ${source.name} is not set.`,
    );
  }
  try {
    return await readFile(source.file);
  } catch (cause) {
    throw new ObError(
      "BAD_SECRET",
      `The secret ${JSON.stringify(id)} cannot be read: ${errorMessage(cause)}.`,
      {
        cause,
        hint: "--secret takes ID:FILE, where FILE is a file that you may read.",
      },
    );
  }
}
