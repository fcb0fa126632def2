import type { ArgOp } from "./ast.ts";
import { showAtom } from "./near-name.ts";
import { atomText, type Call, suggestion } from "./operands.ts";

/** What a name in `${NAME}` can be. */
const argName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** `(arg NAME)` or `(arg NAME DEFAULT)`. */
export function decodeArg({ node, args, report }: Call): ArgOp | undefined {
  const words = { title: "(arg ...)", example: "(arg NAME DEFAULT)", report };
  const [name, value] = args;
  if (name === undefined || args.length > 2) {
    if (!node.closed && name === undefined) return undefined;
    report({
      at: node.at,
      message: `(arg ...) takes a name, and a default if it has one, found ${args.length === 0 ? "none" : args.length}`,
      hint: `write ${words.example}`,
    });
    return undefined;
  }
  const nameText = atomText(name, words);
  const defaultText = value === undefined ? undefined : atomText(value, words);
  if (nameText === undefined) return undefined;
  if (!argName.test(nameText)) {
    const [, before, after] = /^([A-Za-z_]\w*)=(.*)$/s.exec(nameText) ?? [];
    report({
      at: name.at,
      message: `the name of an arg has letters, digits and "_", and begins with no digit, found ${showAtom(nameText)}`,
      hint:
        before === undefined || after === undefined
          ? undefined
          : `write ${suggestion(["arg", before, after]) ?? words.example}`,
    });
    return undefined;
  }
  return { op: "arg", name: nameText, ...(defaultText !== undefined && { default: defaultText }) };
}
