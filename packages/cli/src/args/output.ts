import { didYouMean, type ExportFormat, ObError } from "@ob/core";
import type { OptionTable } from "./flags.ts";
import { type Arguments, stringOption, stringOptions } from "./options.ts";
import { type Attributes, booleanAttribute, parseAttributes } from "./attributes.ts";

/** The disk of a layer, as one file. */
export interface DiskOutput {
  readonly type: ExportFormat;
  readonly path: string;
  /** Only for qcow2. */
  readonly compress: boolean;
}

/** An OCI image with the disk in it. */
export interface ImageOutput {
  readonly type: "oci";
  readonly path: string;
  /** One tar archive, or a directory. */
  readonly isArchive: boolean;
  /** The name of the disk in the image, without its extension; the layer's short id if undefined. */
  readonly name: string | undefined;
  readonly compress: boolean;
}

/** The files of a layer, in a directory or in a tar archive. */
export interface FilesOutput {
  readonly type: "local" | "tar";
  /** Undefined for standard output, which only `tar` has. */
  readonly path: string | undefined;
  /** What is taken: an absolute path in the layer. */
  readonly source: string;
}

/** What `export` and `build --output` write. */
export type LayerOutput = DiskOutput | ImageOutput | FilesOutput;

const flag = "--output";
const diskTypes: readonly ExportFormat[] = ["qcow2", "raw", "vmdk", "vhdx"];
const types = ["local", "tar", ...diskTypes, "oci"];
const attributeNames = ["type", "dest", "src", "tar", "name", "compression"] as const;
type Name = (typeof attributeNames)[number];

/** The attributes of each type, besides `type` and `dest`. */
const attributesOf: Readonly<Record<string, readonly Name[]>> = {
  local: ["src"],
  tar: ["src"],
  qcow2: ["compression"],
  oci: ["tar", "name", "compression"],
};

const value = "type=TYPE,dest=PATH";
const describe =
  "TYPE is local (the files in a directory), tar (the files in an archive; dest=- is standard output), the disk as qcow2, raw, " +
  "vmdk or vhdx, or oci (an image with the disk). DIR alone is type=local,dest=DIR";

export const outputOption: OptionTable = {
  output: { kind: "value", short: "o", value, describe, group: "Output:" },
};

export const outputOptions: OptionTable = {
  output: { kind: "values", short: "o", value, describe: `${describe}. Can be repeated`, group: "Output:" },
};

/** Reads `FILE` or `--output` of `export`. @throws ObError `USAGE` */
export function readOutput(args: Arguments): LayerOutput {
  const file = stringOption(args, "FILE");
  const given = stringOption(args, "output");
  const compress = args["compress"] === true;
  if (given !== undefined && file !== undefined) {
    throw new ObError("USAGE", "A file is given, and --output, too.", { hint: "Give one of the two." });
  }
  if (given === undefined && file === undefined) {
    throw new ObError("USAGE", "No file is given.", {
      hint: "Give the qcow2 file to write, after the id; or --output type=oci,dest=FILE.",
    });
  }
  const output: LayerOutput =
    given === undefined ? { type: "qcow2", path: file ?? "", compress } : parseOutput(given);
  if (!compress) return output;
  if ("compress" in output && (output.type === "qcow2" || output.type === "oci"))
    return { ...output, compress };
  throw new ObError("USAGE", `--compress does not go with type=${output.type}.`, {
    hint: "It compresses the disk of type=qcow2 and type=oci.",
  });
}

/** Reads `--output` of `build`. @throws ObError `USAGE` */
export function readOutputs(args: Arguments): readonly LayerOutput[] {
  const outputs = stringOptions(args, "output").map(parseOutput);
  if (outputs.filter(isOnStdout).length > 1) {
    throw new ObError("USAGE", "Two archives cannot both be written to standard output.");
  }
  return outputs;
}

/** True if it is written to standard output. */
export function isOnStdout(output: LayerOutput): boolean {
  return output.path === undefined;
}

function parseOutput(text: string): LayerOutput {
  // As BuildKit has it.
  if (text === "-") return { type: "tar", path: undefined, source: "/" };
  if (!text.includes("=")) return { type: "local", path: text, source: "/" };
  const given = parseAttributes(text, { flag, names: attributeNames });
  const { type, dest, src: source = "/" } = given;
  if (type === undefined || !types.includes(type)) throw unknownType(type);
  checkAttributes(type, given);
  if (type === "tar" && (dest === undefined || dest === "-")) return { type, path: undefined, source };
  if (dest === undefined) throw new ObError("USAGE", `--output type=${type} needs dest=PATH.`);
  if (type === "local" || type === "tar") return { type, path: dest, source };
  if (dest === "-") throw new ObError("USAGE", "Only type=tar is written to standard output.");
  const compress = readCompression(given.compression);
  const disk = diskTypes.find((each) => each === type);
  if (disk !== undefined) return { type: disk, path: dest, compress };
  const isArchive = booleanAttribute(given.tar, { flag, name: "tar", otherwise: true });
  return { type: "oci", path: dest, isArchive, name: checkName(given.name), compress };
}

function unknownType(type: string | undefined): ObError {
  const near = type === undefined ? undefined : didYouMean(type, types);
  return new ObError("USAGE", `--output needs type=${types.join(", type=")}.`, {
    hint: near ?? "For example --output type=local,dest=out",
  });
}

function checkAttributes(type: string, given: Attributes<Name>): void {
  const known: readonly string[] = ["type", "dest", ...(attributesOf[type] ?? [])];
  const other = Object.keys(given).find((name) => !known.includes(name));
  if (other === undefined) return;
  throw new ObError("USAGE", `--output type=${type} has no attribute ${other}.`, {
    hint: `Its attributes are ${known.join(", ")}.`,
  });
}

/** In BuildKit's words, as far as a disk has them. */
function readCompression(given: string | undefined): boolean {
  if (given === undefined || given === "uncompressed") return false;
  if (given === "zstd") return true;
  throw new ObError(
    "USAGE",
    `--output: compression takes zstd or uncompressed, not ${JSON.stringify(given)}.`,
  );
}

function checkName(name: string | undefined): string | undefined {
  if (name === undefined || /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) return name;
  throw new ObError("USAGE", `--output: ${JSON.stringify(name)} cannot be the name of a disk.`, {
    hint: "A name has letters, digits and . _ - only.",
  });
}
