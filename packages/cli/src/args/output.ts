import { ObError } from "@ob/core";
import { type Arguments, stringOption } from "./options.ts";
import { booleanAttribute, parseAttributes } from "./attributes.ts";

/** What `export` writes. */
export type ExportOutput =
  | { readonly type: "qcow2"; readonly path: string }
  | {
      readonly type: "oci";
      readonly path: string;
      /** One tar archive, or a directory. */
      readonly isArchive: boolean;
      /** The name of the disk in the image, without its extension; the layer's short id if undefined. */
      readonly name: string | undefined;
    };

const flag = "--output";
const types = ["oci", "qcow2"];

/**
 * Reads `FILE` or `--output` of `export`.
 *
 * @throws ObError `USAGE`
 */
export function readOutput(args: Arguments): ExportOutput {
  const file = stringOption(args, "FILE");
  const given = stringOption(args, "output");
  if (given === undefined && file === undefined) {
    throw new ObError("USAGE", "No file is given.", {
      hint: "Give the qcow2 file to write, after the id; or --output type=oci,dest=FILE.",
    });
  }
  if (given === undefined) return { type: "qcow2", path: file ?? "" };
  if (file !== undefined) {
    throw new ObError("USAGE", "A file is given, and --output, too.", { hint: "Give one of the two." });
  }
  const { type, dest, tar, name } = parseAttributes(given, { flag, names: ["type", "dest", "tar", "name"] });
  if (type === undefined || !types.includes(type)) {
    throw new ObError("USAGE", `--output needs type=${types.join(" or type=")}.`, {
      hint: "For example --output type=oci,dest=disk.tar",
    });
  }
  if (dest === undefined) throw new ObError("USAGE", "--output needs dest=FILE.");
  if (type === "qcow2") {
    if (tar === undefined && name === undefined) return { type, path: dest };
    throw new ObError("USAGE", "--output type=qcow2 has no attribute but dest.");
  }
  if (name !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) {
    throw new ObError("USAGE", `--output: ${JSON.stringify(name)} cannot be the name of a disk.`, {
      hint: "A name has letters, digits and . _ - only.",
    });
  }
  const isArchive = booleanAttribute(tar, { flag, name: "tar", otherwise: true });
  return { type: "oci", path: dest, isArchive, name };
}
