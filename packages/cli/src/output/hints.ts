import type { ErrorCode, ObError } from "@ob/core";

interface LibraryHint {
  readonly hint: string;
  readonly data: Readonly<Record<string, string>>;
}

/** @returns the hint with the command or option that helps; undefined if there is none. */
type HintFor = (from: LibraryHint) => string | undefined;

const imageBuild = "`obuilder image build NAME` builds one; `obuilder image list` shows the names.";

/** Of a layer whose guest lets nobody log in. */
const removeLayer: HintFor = ({ data: { layer } }) =>
  layer && `Change that step. \`obuilder delete ${layer}\` removes its layer and those that are based on it.`;

const hints: Partial<Readonly<Record<ErrorCode, HintFor>>> = {
  BAD_SECRET: ({ data: { secret } }) =>
    secret && `Give it with --secret ${secret}:FILE, where FILE holds its value.`,
  BASE_IMAGE: ({ hint, data: { notQcow2, noBaseImages } }) => {
    if (notQcow2)
      return "`obuilder image import FILE --name NAME` converts it, or: qemu-img convert -O qcow2 OLD NEW.qcow2";
    return noBaseImages && `${hint} ${imageBuild}`;
  },
  LOGIN_FAILED: removeLayer,
  BOOT_FAILED: removeLayer,
  NO_SPACE: ({ hint }) => `${hint || "Free some space."} \`obuilder prune\` removes old layers.`,
  NO_SUCH_LAYER: ({ hint }) =>
    hint ||
    "`obuilder plan` shows the ids of a spec's layers, and which are in the store. A failed step has no layer.",
  STORE: ({ hint, data: { layer, notStore } }) => {
    if (layer) return `${hint} (obuilder delete ${layer})`;
    return notStore && `Check the path in --store=qemu:PATH. ${hint}`;
  },
  USAGE: ({ hint, data: { existing } }) => existing && `${hint} --force replaces it.`,
  UNSUPPORTED: ({ data: { option } }) => option && optionHints[option],
};

/** The options of the command line for options of libraries whose value cannot be used on this host. */
const optionHints: Readonly<Record<string, string>> = {
  accelerator: "Use --qemu-accel=auto or tcg.",
  diskBus: "Use --qemu-disk-bus=virtio or sata.",
};

/** The hint of a library's error, with the commands and options that libraries do not know. */
export function commandLineHint({ code, hint, data = {} }: ObError): string | undefined {
  return hints[code]?.({ hint: hint ?? "", data }) || hint;
}
