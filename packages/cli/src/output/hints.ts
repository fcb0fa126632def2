import type { ErrorCode, FailedStep, ObError } from "@ob/core";

interface LibraryHint {
  readonly hint: string;
  readonly data: Readonly<Record<string, string>>;
  readonly step: FailedStep | undefined;
  /** See `ObError.exitCode`. */
  readonly status: number | undefined;
}

/** @returns the hint with the command or option that helps; undefined if there is none. */
type HintFor = (from: LibraryHint) => string | undefined;

const imageBuild = "`obuilder image build NAME` builds one; `obuilder image list` shows the names.";

/** Of a layer whose guest lets nobody log in. */
const removeLayer: HintFor = ({ data: { layer } }) =>
  layer && `Change that step. \`obuilder delete ${layer}\` removes its layer and those that are based on it.`;

/** Of a layer that can be deleted. */
const deleteLayer: HintFor = ({ hint, data: { layer } }) => layer && `${hint} (obuilder delete ${layer})`;

/** Of layers that are in use or have tags. */
const busyLayer: HintFor = (from) =>
  from.data["tags"]
    ? "`obuilder untag NAME` removes a tag; `obuilder delete --force` deletes the layers with their tags."
    : deleteLayer(from);

/** Of a failed step: what its status means, and how to look at it. */
const failedStep: HintFor = ({ hint, step, status }) =>
  step &&
  [
    ...(hint === "" ? [] : [hint]),
    ...statusHints(status),
    logHint(step),
    ...(step.op === "run" ? ["`--on-error=shell` opens a shell where a command fails."] : []),
  ].join(" ");

const timedOut: HintFor = ({ data: { limit }, step }) => {
  const flag = limit === "step" ? "--step-timeout" : "--timeout";
  const more = `\`${flag}\` gives the ${limit} more time.`;
  return step ? `${logHint(step)} ${more}` : more;
};

const hints: Partial<Readonly<Record<ErrorCode, HintFor>>> = {
  STEP_FAILED: failedStep,
  TIMEOUT: timedOut,
  BAD_SECRET: ({ data: { secret } }) =>
    secret && `Give it with --secret ${secret}:FILE, where FILE holds its value.`,
  BAD_SPEC: ({ hint, data: { arg } }) => arg && `--build-arg ${arg}=VALUE gives it one. ${hint}`,
  BASE_IMAGE: ({ hint, data: { notQcow2, noBaseImages } }) => {
    if (notQcow2)
      return "`obuilder image import FILE --name NAME` converts it, or: qemu-img convert -O qcow2 OLD NEW.qcow2";
    return noBaseImages && `${hint} ${imageBuild}`;
  },
  LOGIN_FAILED: removeLayer,
  BOOT_FAILED: removeLayer,
  NO_SPACE: ({ hint, data: { reserve } }) =>
    `${hint || "Free some space."} \`obuilder prune\` removes old layers.` +
    (reserve === undefined ? "" : " `--disk-reserve` sets what must stay free."),
  NO_SUCH_LAYER: ({ hint }) =>
    hint ||
    "`obuilder plan` shows the ids of a spec's layers, and which are in the store. A failed step has no layer.",
  LAYER_BUSY: busyLayer,
  STORE: (from) =>
    deleteLayer(from) || (from.data["notStore"] && `Check the path in --store=qemu:PATH. ${from.hint}`),
  REGISTRY: ({ hint, data: { pushed, problem, architectures } }) => {
    if (architectures !== undefined)
      return (
        "`image pull --arch ARCH` takes one of an architecture. The spec of a build names an image by its tag, so that a tag is " +
        "for one architecture there."
      );
    if (pushed)
      return `${hint} The layers are in the store. \`ignore-error=true\` in --cache-to makes this a warning.`.trim();
    return problem === "unauthorized"
      ? `${hint} \`docker login\`, \`podman login\` or \`skopeo login\` stores credentials that obuilder uses.`.trim()
      : undefined;
  },
  USAGE: ({ hint, data: { existing } }) => existing && `${hint} --force replaces it.`,
};

/** What to say of the options of libraries that an error names as `data.option`, after its own hint. */
const optionHints: Readonly<Record<string, string>> = {
  accelerator: "Use --qemu-accel=auto or tcg.",
  network: "Use --qemu-network=auto or slirp.",
  bootTimeSeconds: "--qemu-boot-time=SECONDS sets it.",
  diskBus: "Use --qemu-disk-bus=virtio or sata.",
  from: "--from NAME=FILE gives a file that you have.",
  imageKey: "--ssh-key FILE names it.",
  iso: "Give the file with --iso FILE.",
  packages: "Give --package once for each.",
  profiles: "--guest-profile=FILE loads one.",
  sshKey: "--qemu-ssh-key names it for images whose manifest does not.",
};

/** The hint of a library's error, with the commands and options that libraries do not know. */
export function commandLineHint(error: ObError): string | undefined {
  const { code, hint, data = {}, step, exitCode: status } = error;
  const special = hints[code]?.({ hint: hint ?? "", data, step, status });
  if (special) return special;
  const option = data["option"] === undefined ? undefined : optionHints[data["option"]];
  return option === undefined ? hint : [hint, option].filter((part) => part !== undefined).join(" ");
}

function logHint({ id }: FailedStep): string {
  return `\`obuilder log ${id.slice(0, 12)}\` prints all of its output.`;
}

/** What the exit status of a command usually means: shells use some for errors of their own. */
function statusHints(status: number | undefined): readonly string[] {
  switch (status) {
    case 126:
      return ["Status 126 usually means that a program may not be run: check its mode and its architecture."];
    case 127:
    // Of cmd on Windows.
    case 9009:
      return [`Status ${status} usually means that a program was not found: is it installed, and in PATH?`];
    case 137:
      return [
        "Status 137 means that SIGKILL ended a program, often because memory ran out: `--qemu-memory` gives the guest more.",
      ];
    case undefined:
    default:
      return [];
  }
}
