import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type GuestArch, run, sha256File } from "@ob/core";
import {
  assertTools,
  checksumOf,
  compactDisk,
  defineRecipe,
  download,
  downloadList,
  gpgSignedList,
  hasOcaml,
  installerArgv,
  ocamlFromOpam,
  type InstallPhase,
  makeIso,
  type Recipe,
  type RecipeContext,
  type RecipeParameters,
  type RecipeResult,
  runInstaller,
  withPhase,
} from "@ob/images/toolkit";
import { guestTexts, metaData, userData } from "./user-data.ts";

const gibibyte = 1024 ** 3;
const server = "https://cloud-images.ubuntu.com/noble/current";
/** From the package ubuntu-keyring of Debian and Ubuntu, in which Canonical publishes it. */
const keyring = fileURLToPath(import.meta.resolve("#ubuntu-noble/ubuntu-cloudimage-keyring.gpg"));

const imageName = (arch: GuestArch): string => `noble-server-cloudimg-${arch}.img`;
const image = (arch: GuestArch) => ({
  name: imageName(arch),
  what: `Ubuntu 24.04's cloud image for ${arch}`,
  url: `${server}/${imageName(arch)}`,
});
const sums = {
  name: "SHA256SUMS",
  what: "the checksums of Ubuntu's cloud images",
  url: `${server}/SHA256SUMS`,
};
const signature = {
  name: "SHA256SUMS.gpg",
  what: "the signature of these checksums",
  url: `${server}/SHA256SUMS.gpg`,
};

/** The packages that opam needs to build OCaml and packages. */
const opamPackages = ["build-essential", "bubblewrap", "git", "opam", "patch", "rsync", "unzip"];

/** The image's packages in addition to the cloud image's. */
export function packagesOf({ ocaml, packages }: RecipeParameters): readonly string[] {
  return [...new Set([...(ocaml === undefined ? [] : opamPackages), ...packages])].toSorted();
}

/** Console output of a failed installation. */
export const installFailures = [/^obuilder: failed: .*$/m, /^.*Kernel panic - not syncing.*$/m];

/** Generous limits, for hosts without hardware virtualization: they take ten times as long. */
export const installPhases = (ocaml: string | undefined): readonly InstallPhase[] => [
  { name: "Boot Ubuntu's cloud image", until: /Cloud-init v\. [^\n]* running 'init/, limitSeconds: 1_200 },
  {
    name: "Make the login user and install packages",
    until: /obuilder: packages are installed/,
    limitSeconds: 5_400,
  },
  {
    name: ocaml === undefined ? "Set the system up" : `Set the system up and build OCaml ${ocaml}`,
    until: /obuilder: installed/,
    limitSeconds: ocaml === undefined ? 1_800 : 18_000,
  },
  { name: "Switch the guest off", until: "power off", limitSeconds: 600 },
];

/** Ubuntu 24.04: Canonical's cloud image, configured by cloud-init with a NoCloud seed. */
function ubuntuNoble(guestArch: GuestArch): Recipe {
  const qemu = guestArch === "amd64" ? "qemu-system-x86_64" : "qemu-system-riscv64";
  const tools = [qemu, "qemu-img", "xorriso", "gpgv", "setpriv"];
  return defineRecipe({
    name: `ubuntu-noble-${guestArch}`,
    summary: `Ubuntu 24.04 for ${guestArch}, from Canonical's cloud image`,
    guestOs: "linux",
    guestArch,
    supports: {
      diskSize: { default: 20 * gibibyte, min: 6 * gibibyte },
      ocaml: ocamlFromOpam(["4.14.2", "5.2.1"], "Ubuntu's opam"),
      packages: { from: "Ubuntu's archive" },
      downloads: [image(guestArch), sums, signature].map(({ name, what }) => ({ name, what })),
    },
    tools,
    smokeTest: { memoryMib: 1_024, bootSeconds: 600 },
    // Ubuntu updates its cloud image; a newer one does not make images outdated.
    fingerprint: async (parameters: RecipeParameters) => ({
      revision: 1,
      guest: await guestTexts(),
      packages: packagesOf(parameters),
      keyring: await sha256File(keyring),
    }),
    make: (context) => make(context, { guestArch, tools }),
    expectations: ({ ocaml }) => `${ocaml === undefined ? "" : hasOcaml(ocaml)}
[ -e /etc/cloud/cloud-init.disabled ] || { echo "cloud-init would run at every boot"; exit 1; }`,
  });
}

export const ubuntuNobleAmd64 = ubuntuNoble("amd64");
export const ubuntuNobleRiscv64 = ubuntuNoble("riscv64");

interface Kind {
  readonly guestArch: GuestArch;
  readonly tools: readonly string[];
}

async function make(context: RecipeContext, { guestArch, tools }: Kind): Promise<RecipeResult> {
  const { directory, parameters, consoleLog, onEvent, signal } = context;
  const { ocaml, diskSize } = parameters;
  const at = (name: string): string => join(directory, name);
  await assertTools(tools);
  const cloudImage = await fetchImage(context, guestArch);

  await withPhase("Make the disk and cloud-init's seed", { onEvent, signal }, async () => {
    const backing = ["-b", cloudImage, "-F", "qcow2"];
    await run(["qemu-img", "create", "-q", "-f", "qcow2", ...backing, at("install.qcow2"), `${diskSize}`], {
      signal,
    });
    await makeSeed(at("seed.iso"), context);
  });
  const machine = installerArgv({
    processor: await context.resolveCpuArgs(guestArch, signal),
    ...{ guestArch, memoryMib: ocaml === undefined ? 2_048 : 4_096, reboots: false },
    ...{ disks: [at("install.qcow2")], seeds: [at("seed.iso")] },
  });
  await runInstaller(machine, {
    consoleLog,
    phases: installPhases(ocaml),
    failures: installFailures,
    onEvent,
    signal,
  });
  await withPhase("Compress the disk", { onEvent, signal }, () =>
    compactDisk(at("install.qcow2"), at("disk.qcow2"), { signal }),
  );
  await rm(at("install.qcow2"));
  return { disk: at("disk.qcow2"), virtualSize: diskSize, readyMarker: true };
}

async function fetchImage(context: RecipeContext, arch: GuestArch): Promise<string> {
  const { directory, downloads, from, onEvent, signal } = { ...context, from: context.parameters.from };
  const list = await withPhase(
    "Fetch the checksums of Ubuntu's cloud images",
    { onEvent, signal },
    async (phase) => {
      const options = { from, signal: phase.signal };
      const [text, proof] = [await downloadList(sums, options), await downloadList(signature, options)];
      return await gpgSignedList(
        { text, signature: proof, keyring },
        {
          ...{ directory: join(directory, "sums"), what: sums.what, signal: phase.signal },
          // A file of the user's may be as old as the user wants.
          maxAgeDays: from.has(sums.name) ? Infinity : 180,
        },
      );
    },
  );
  const sha256 = checksumOf(list, imageName(arch), "Ubuntu's list of cloud images");
  return await withPhase(`Fetch ${imageName(arch)}`, { onEvent, signal }, ({ signal: limited, onProgress }) =>
    download({ ...image(arch), sha256 }, { downloads, from, onProgress, signal: limited }),
  );
}

/** Creates a NoCloud seed, which cloud-init finds by its volume label. */
export async function makeSeed(
  iso: string,
  context: Pick<RecipeContext, "directory" | "name" | "parameters" | "publicKey" | "signal">,
): Promise<void> {
  const { name, parameters, publicKey, signal } = context;
  const { user, ocaml } = parameters;
  const directory = join(context.directory, "seed");
  await mkdir(directory);
  const files = [
    { path: "meta-data", contents: metaData(name) },
    {
      path: "user-data",
      contents: await userData({ user, publicKey, ocaml, packages: packagesOf(parameters) }),
    },
  ];
  await makeIso(iso, { label: "cidata", files, directory, signal });
}
