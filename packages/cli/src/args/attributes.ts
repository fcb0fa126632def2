import { didYouMean, ObError } from "@ob/core";

/** The values of an option such as `type=oci,dest=FILE`, by their names. */
export type Attributes<Name extends string> = Readonly<Partial<Record<Name, string>>>;

/**
 * Reads the value of an option in BuildKit's form, `NAME=VALUE,NAME=VALUE`. A value with a comma is in double quotes with its
 * name, as in CSV: `type=oci,"dest=a,b"`.
 *
 * @param flag for the error.
 * @throws ObError `USAGE` for an attribute that is not in `names`, is there twice or has no value.
 */
export function parseAttributes<Name extends string>(
  text: string,
  { flag, names }: { readonly flag: string; readonly names: readonly Name[] },
): Attributes<Name> {
  const found: Partial<Record<Name, string>> = {};
  for (const field of fieldsOf(text)) {
    const [, written, value] = /^([^=]*)=(.*)$/s.exec(field.trim()) ?? [];
    if (written === undefined || value === undefined || value === "") {
      throw new ObError("USAGE", `${flag} takes NAME=VALUE,…; ${JSON.stringify(field)} has another form.`);
    }
    const name = names.find((known) => known === written.toLowerCase());
    if (name === undefined) {
      throw new ObError("USAGE", `${flag} has no attribute ${JSON.stringify(written)}.`, {
        hint: didYouMean(written, names) ?? `Its attributes are ${names.join(", ")}.`,
      });
    }
    if (found[name] !== undefined) throw new ObError("USAGE", `${flag} has the attribute ${name} twice.`);
    found[name] = value;
  }
  return found;
}

/** The value of an attribute that is true or false. @throws ObError `USAGE`. */
export function booleanAttribute(
  value: string | undefined,
  { flag, name, otherwise }: { readonly flag: string; readonly name: string; readonly otherwise: boolean },
): boolean {
  if (value === undefined) return otherwise;
  if (/^(?:true|1)$/i.test(value)) return true;
  if (/^(?:false|0)$/i.test(value)) return false;
  throw new ObError("USAGE", `${flag}: ${name} takes true or false, not ${JSON.stringify(value)}.`);
}

/** The fields of a line of CSV. */
export function fieldsOf(text: string): readonly string[] {
  const fields = text.match(/"(?:[^"]|"")*"|[^,]+/g) ?? [];
  return fields.map((field) => (field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field));
}
