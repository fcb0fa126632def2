const form = /^([-+]?)(0[xXoObBuU])?([0-9a-fA-F][0-9a-fA-F_]*)$/;

const bases: ReadonlyMap<string, { readonly radix: string; readonly digits: RegExp }> = new Map([
  ["", { radix: "", digits: /^[0-9]+$/ }],
  ["0u", { radix: "", digits: /^[0-9]+$/ }],
  ["0x", { radix: "0x", digits: /^[0-9a-fA-F]+$/ }],
  ["0o", { radix: "0o", digits: /^[0-7]+$/ }],
  ["0b", { radix: "0b", digits: /^[01]+$/ }],
]);

/**
 * Parses an integer in any form that the original accepts (OCaml's `int_of_string`): `10`, `-1`, `+1`, `1_000`, `0x1f`,
 * `0o17`, `0b11`, `0u10`. Undefined for anything else, and for an integer that a JavaScript number cannot represent
 * exactly.
 */
export function parseOcamlInt(text: string): number | undefined {
  const [, sign, prefix = "", written = ""] = form.exec(text) ?? [];
  const base = bases.get(prefix.toLowerCase());
  const digits = written.replaceAll("_", "").replace(/^0+(?=.)/, "");
  if (sign === undefined || base === undefined || digits.length > 64 || !base.digits.test(digits))
    return undefined;
  const value = Number(BigInt(base.radix + digits));
  if (!Number.isSafeInteger(value)) return undefined;
  return sign === "-" && value !== 0 ? -value : value;
}
