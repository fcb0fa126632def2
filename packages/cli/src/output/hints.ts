import type { ErrorCode, ObError } from "@ob/core";

type HintFor = (data: Readonly<Record<string, string>>) => string | undefined;

const hints: Partial<Readonly<Record<ErrorCode, HintFor>>> = {
  BAD_SECRET: ({ secret }) => secret && `Give it with --secret ${secret}:FILE, where FILE holds its value.`,
  NO_SUCH_LAYER: () =>
    "`obuilder plan` shows the ids of a spec's layers, and which are in the store. A failed step has no layer.",
  NO_SPACE: () => "Free some space, or remove old layers with `obuilder prune`.",
  UNSUPPORTED: ({ option }) => option && optionHints[option],
};

/** The options of the command line for options of libraries whose value cannot be had. */
const optionHints: Readonly<Record<string, string>> = {
  accelerator: "Use --qemu-accel=auto or tcg.",
  network: "Use --qemu-network=auto or slirp.",
  diskBus: "Use --qemu-disk-bus=virtio or sata.",
};

/** The hint for a library's error that names commands or options, which libraries do not know. */
export function commandLineHint({ code, data = {} }: ObError): string | undefined {
  return hints[code]?.(data);
}
