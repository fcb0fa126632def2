import { randomBytes } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { ObError } from "@ob/core";
import {
  assertTools,
  compactDisk,
  defineRecipe,
  download,
  type Download,
  hasOcaml,
  installerArgv,
  type InstallPhase,
  isoLabel,
  makeEmptyDisk,
  ocamlFromOpam,
  type RecipeContext,
  type RecipeParameters,
  type RecipeResult,
  runInstaller,
  withPhase,
} from "@ob/images/toolkit";
import { installScript, makeAnswerDisc } from "./answer-disc.ts";
import { autounattend } from "./autounattend.ts";
import { cygwinSetup, driverSystem, drivers, opamExe, opensshMsi, virtioIso } from "./downloads.ts";

const gibibyte = 1024 ** 3;
/** The size of a cache disk that is created without a template. */
const cacheSize = 10 * gibibyte;
const tools = ["qemu-system-x86_64", "qemu-img", "xorriso", "setpriv"];

/** Cygwin packages for opam, in addition to Cygwin's base. */
const opamPackages = ["diffutils", "git", "m4", "make", "mingw64-x86_64-gcc-core", "patch"];
const moreOpamPackages = ["pkg-config", "pkgconf", "rsync", "unzip"];

/** The image's Cygwin packages. */
export function packagesOf({ ocaml, packages }: RecipeParameters): readonly string[] {
  const forOpam = ocaml === undefined ? [] : [...opamPackages, ...moreOpamPackages];
  return [...new Set(["bash", "coreutils", ...forOpam, ...packages])].toSorted();
}

/** Generous limits, for hosts without hardware virtualization. */
const phases = (ocaml: string | undefined): readonly InstallPhase[] => [
  {
    name: "Let Windows Setup install, restart and log on",
    until: /obuilder: first logon/,
    limitSeconds: 4 * 3_600,
  },
  { name: "Set the system up", until: /obuilder: the system is set up/, limitSeconds: 3_600 },
  { name: "Install Cygwin", until: /obuilder: Cygwin is installed/, limitSeconds: 2 * 3_600 },
  { name: "Install the SSH server", until: /obuilder: the SSH server is installed/, limitSeconds: 1_800 },
  {
    name: ocaml === undefined ? "Make the cache disk" : `Build OCaml ${ocaml}`,
    until: /obuilder: installed/,
    limitSeconds: ocaml === undefined ? 1_800 : 6 * 3_600,
  },
  { name: "Switch the guest off", until: "power off", limitSeconds: 1_800 },
];

/** Windows Server 2022 (Core), installed by its own Setup from the user's ISO. */
export const windowsServer2022Amd64 = defineRecipe({
  name: "windows-server-2022-amd64",
  summary: "Windows Server 2022 Core, by its own Setup, from your ISO",
  guestOs: "windows",
  guestArch: "amd64",
  supports: {
    diskSize: { default: 40 * gibibyte, min: 32 * gibibyte },
    // Valid names of local accounts, except those of Windows itself.
    user: {
      default: "opam",
      pattern: /^(?!(?:administrator|guest|defaultaccount|system)$)[a-z][a-z0-9_-]{0,19}$/i,
    },
    ocaml: ocamlFromOpam(["4.14.2", "5.3.0", "5.4.0"], "opam with Cygwin's mingw-w64"),
    packages: { from: "Cygwin", pattern: /^[a-zA-Z0-9][\w.+-]*$/ },
    iso: { what: "Microsoft's ISO of Windows Server 2022 (evaluation or volume license)", required: true },
    downloads: [virtioIso, opensshMsi, cygwinSetup, opamExe].map(({ name, what }) => ({ name, what })),
  },
  tools,
  smokeTest: { memoryMib: 4_096, bootSeconds: 1_200 },
  fingerprint: async (parameters) => ({
    revision: 1,
    answers: autounattend({ user: parameters.user, password: "" }),
    script: await installScript(),
    files: [virtioIso, opensshMsi, cygwinSetup, opamExe].map(({ sha256 }) => sha256),
    drivers: [drivers, driverSystem],
    packages: packagesOf(parameters),
  }),
  make,
  expectations: ({ ocaml }) => (ocaml === undefined ? "true" : hasOcaml(ocaml)),
});

async function make(context: RecipeContext): Promise<RecipeResult> {
  const { directory, parameters, publicKey, consoleLog, onEvent, signal } = context;
  const { ocaml, diskSize, user } = parameters;
  const at = (name: string): string => join(directory, name);
  await assertTools(tools);
  const installer = await checkIso(parameters.iso, context);
  const files = {
    virtioIso: await fetch(virtioIso, context),
    opensshMsi: await fetch(opensshMsi, context),
    cygwinSetup: await fetch(cygwinSetup, context),
    opamExe: ocaml === undefined ? undefined : await fetch(opamExe, context),
  };
  const disks = [at("install.qcow2"), at("cache.qcow2")];
  await withPhase("Make the disks and the answer disc", { onEvent, signal }, async () => {
    await makeEmptyDisk(at("install.qcow2"), diskSize, { signal });
    await makeEmptyDisk(at("cache.qcow2"), cacheSize, { signal });
    await makeAnswerDisc(at("answers.iso"), {
      ...{ user, publicKey, ocaml, files, signal, directory: at("answers") },
      ...{ password: makePassword(), cygwinPackages: packagesOf(parameters) },
    });
  });
  const [program, ...args] = installerArgv({
    processor: await context.resolveCpuArgs("amd64", signal),
    ...{ guestArch: "amd64", memoryMib: ocaml === undefined ? 4_096 : 6_144, reboots: true },
    ...{ disks, isos: [installer, at("answers.iso")] },
  });
  // Setup needs a display. The first boot finds the disk empty, and continues with the CD.
  await runInstaller([program, ...args, "-device", "VGA", "-rtc", "base=utc", "-boot", "order=cd"], {
    ...{ consoleLog, onEvent, signal },
    ...{ phases: phases(ocaml), failures: [/^obuilder: failed: .*$/m] },
  });
  await withPhase("Compress the disks", { onEvent, signal }, async () => {
    await compactDisk(at("install.qcow2"), at("disk.qcow2"), { signal });
    await compactDisk(at("cache.qcow2"), at("ntfs.qcow2"), { signal });
  });
  return {
    disk: at("disk.qcow2"),
    virtualSize: diskSize,
    cacheTemplate: { fileSystem: "ntfs", disk: at("ntfs.qcow2") },
  };
}

function fetch(file: Download, { downloads, parameters, onEvent, signal }: RecipeContext): Promise<string> {
  const { from } = parameters;
  return withPhase(`Fetch ${file.name}`, { onEvent, signal }, (phase) =>
    download(file, { downloads, from, onProgress: phase.onProgress, signal: phase.signal }),
  );
}

/** The volume label of Microsoft's discs of Windows Server 2022, for all languages and licenses. */
const usualLabel = /^SSS_X64FRE/;

/** @throws ObError `USAGE` if the file is not an installation disc. */
async function checkIso(
  iso: string | undefined,
  { onEvent }: Pick<RecipeContext, "onEvent">,
): Promise<string> {
  const help = {
    hint: "Microsoft's Evaluation Center has one that may be used for 180 days.",
    data: { option: "iso" },
  };
  if (iso === undefined) {
    throw new ObError(
      "USAGE",
      "Windows Server 2022 is installed from an ISO that you supply, and none was given.",
      help,
    );
  }
  const label = await isoLabel(iso);
  const minSize = 2 * gibibyte;
  if (label === undefined || (await stat(iso)).size < minSize) {
    throw new ObError("USAGE", `${iso} is not an installation ISO of Windows Server 2022.`, help);
  }
  if (!usualLabel.test(label)) {
    onEvent({
      type: "note",
      text: `${iso} has the label ${label}; those of Microsoft's ISOs begin with SSS_X64FRE`,
    });
  }
  return iso;
}

/** A random password with all character classes that Windows requires. It is not stored. */
function makePassword(): string {
  return `Ob1-${randomBytes(18).toString("base64url")}`;
}
