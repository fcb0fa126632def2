import { join } from "node:path";
import {
  type Argv,
  assertTools,
  checksumOf,
  compactDisk,
  defineRecipe,
  download,
  downloadList,
  hasOcaml,
  installerArgv,
  type InstallerMachine,
  type InstallPhase,
  makeEmptyDisk,
  ocamlFromOpam,
  netbootServer,
  type RecipeContext,
  type RecipeParameters,
  type RecipeResult,
  runInstaller,
  signifyList,
  escapeQemuValue,
  withPhase,
} from "@ob/images/toolkit";
import { disklabelTemplate, installConf } from "./install-conf.ts";
import { makeNetbootTree, type NetbootTree } from "./netboot-tree.ts";
import { mirror, netboot, publicKey, sets, version } from "./release.ts";
import { makeSet, siteFiles } from "./site-set.ts";

const gibibyte = 1024 ** 3;
/** The size of a cache disk that is created without a template. */
const cacheSize = 10 * gibibyte;
const tools = ["qemu-system-x86_64", "qemu-img", "signify-openbsd", "setpriv", "ip"];

/** bash and GNU tar, which OBuilder requires; `--` selects the package without flavours. */
const basePackages = ["bash", "gtar--"];
const opamPackages = ["curl--", "git", "gmake", "gpatch", "opam", "rsync--", "unzip--"];

/** The image's packages. */
export function packagesOf({ ocaml, packages }: RecipeParameters): readonly string[] {
  return [
    ...new Set([...basePackages, ...(ocaml === undefined ? [] : opamPackages), ...packages]),
  ].toSorted();
}

const signedList = {
  name: "SHA256.sig",
  what: `the signed checksums of OpenBSD ${version} for amd64`,
  url: `${mirror}/SHA256.sig`,
};
const releaseFiles = [...new Set([netboot.loader, netboot.kernel, ...sets])].map((name) => ({
  name,
  what: `of OpenBSD ${version} for amd64`,
  url: `${mirror}/${name}`,
}));

const panic = /^(?:panic: .*|ddb(?:\{\d+\})?> ?.*)$/m;

/** Generous limits, for hosts without hardware virtualization. */
const installPhases: readonly InstallPhase[] = [
  {
    name: "Start OpenBSD's installer over the network",
    until: /Welcome to the OpenBSD\/amd64 7\.9 installation program/,
    limitSeconds: 1_200,
  },
  { name: "Let it make the file systems", until: /Let's install the sets!/, limitSeconds: 1_200 },
  { name: "Install the sets", until: /Making all device nodes/, limitSeconds: 5_400 },
  {
    name: "Let it set the system up",
    until: /CONGRATULATIONS! Your OpenBSD install has been successfully completed!/,
    limitSeconds: 5_400,
  },
  { name: "Let it end", until: "power off", limitSeconds: 600 },
];
const installFailures = [
  panic,
  /^.*Question has no answer in response file.*$/m,
  // It asks this only if it does not find the response file.
  /Response file location\?/,
  /No response file found/,
  /failed; check \/tmp\/ai\/ai\.log/,
  /install\.site failed/,
];

const firstBootPhases = (ocaml: string | undefined): readonly InstallPhase[] => [
  { name: "Boot OpenBSD", until: /obuilder: first boot/, limitSeconds: 1_200 },
  { name: "Install packages", until: /obuilder: packages are installed/, limitSeconds: 5_400 },
  {
    name: ocaml === undefined ? "Make the cache disk" : `Build OCaml ${ocaml}`,
    until: /obuilder: installed/,
    limitSeconds: ocaml === undefined ? 600 : 18_000,
  },
  { name: "Switch the guest off", until: "power off", limitSeconds: 600 },
];

/** OpenBSD 7.9, installed by its own installer, which gets its answers over the network. */
export const openbsd79Amd64 = defineRecipe({
  name: "openbsd-79-amd64",
  summary: `OpenBSD ${version} for amd64, by its own installer`,
  guestOs: "openbsd",
  guestArch: "amd64",
  supports: {
    diskSize: { default: 24 * gibibyte, min: 8 * gibibyte },
    // The installer's own rule.
    user: {
      default: "opam",
      pattern: /^(?!(?:root|daemon|operator|bin|build|sshd|www|nobody|ftp)$)[a-z][-a-z0-9_]{0,30}$/,
    },
    ocaml: ocamlFromOpam(["4.14.4", "5.5.0"], "OpenBSD's package of opam"),
    packages: { from: "OpenBSD's packages", pattern: /^[a-zA-Z0-9][\w.+%,-]*$/ },
    downloads: [signedList, ...releaseFiles].map(({ name, what }) => ({ name, what })),
  },
  tools,
  smokeTest: { memoryMib: 1_024, bootSeconds: 600 },
  fingerprint: async (parameters) => {
    const { user, ocaml } = parameters;
    return {
      revision: 1,
      answers: [installConf({ user, publicKey: "" }), disklabelTemplate],
      site: await siteFiles({ user, ocaml, packages: packagesOf(parameters) }),
      key: await publicKey(),
    };
  },
  make,
  expectations: ({ ocaml }) => (ocaml === undefined ? "true" : hasOcaml(ocaml)),
});

async function make(context: RecipeContext): Promise<RecipeResult> {
  const { directory, parameters, consoleLog, onEvent, signal } = context;
  const { ocaml, diskSize } = parameters;
  const at = (name: string): string => join(directory, name);
  await assertTools(tools);
  const tree = await makeTree(context);
  const disks = [at("install.qcow2"), at("cache.qcow2")];
  await makeEmptyDisk(at("install.qcow2"), diskSize, { signal });
  await makeEmptyDisk(at("cache.qcow2"), cacheSize, { signal });

  const processor = await context.resolveCpuArgs("amd64", signal);
  const prefix = await netbootServer(tree.http, signal);
  await runInstaller(netbootMachine({ disks, processor, tree }), {
    ...{ prefix, consoleLog, onEvent, signal },
    ...{ phases: installPhases, failures: installFailures },
  });
  const memoryMib = ocaml === undefined ? 1_024 : 4_096;
  await runInstaller(
    installerArgv({
      ...{ guestArch: "amd64", memoryMib, disks, processor },
      reboots: false,
      network: ["ipv6=off"],
    }),
    {
      ...{ consoleLog: `${consoleLog}.first-boot`, onEvent, signal },
      ...{ phases: firstBootPhases(ocaml), failures: [panic, /^obuilder: failed: .*$/m] },
    },
  );
  await withPhase("Compress the disks", { onEvent, signal }, async () => {
    await compactDisk(at("install.qcow2"), at("disk.qcow2"), { signal });
    await compactDisk(at("cache.qcow2"), at("ffs.qcow2"), { signal });
  });
  return {
    disk: at("disk.qcow2"),
    virtualSize: diskSize,
    readyMarker: true,
    cacheTemplate: { fileSystem: "ffs", disk: at("ffs.qcow2") },
  };
}

export interface NetbootMachine extends Pick<InstallerMachine, "disks" | "processor"> {
  readonly tree: Pick<NetbootTree, "tftp">;
}

/** A VM that boots from the network. QEMU's DHCP announces the boot file, and the host as the server. */
export function netbootMachine({ disks, processor, tree }: NetbootMachine): Argv {
  const [program, ...args] = installerArgv({
    ...{ guestArch: "amd64", memoryMib: 2_048, disks, processor, reboots: false },
    network: [`tftp=${escapeQemuValue(tree.tftp)}`, "bootfile=auto_install", "ipv6=off"],
  });
  // The firmware and the boot loader also use the serial port.
  return [program, ...args, "-machine", "graphics=off", "-boot", "order=n"];
}

async function makeTree(context: RecipeContext): Promise<NetbootTree> {
  const { directory, parameters, downloads, onEvent, signal } = context;
  const { from, user, ocaml } = parameters;
  const { text, sums } = await withPhase(
    `Fetch the checksums of OpenBSD ${version}`,
    { onEvent, signal },
    async (phase) => {
      const list = await downloadList(signedList, { from, signal: phase.signal });
      return {
        text: list,
        sums: await signifyList(
          { text: list, publicKey: await publicKey() },
          { directory: join(directory, "sums"), what: signedList.what, signal: phase.signal },
        ),
      };
    },
  );
  const release = new Map<string, string>();
  for (const file of releaseFiles) {
    const sha256 = checksumOf(sums, file.name, `The list of OpenBSD ${version}`);
    const path = await withPhase(`Fetch ${file.name}`, { onEvent, signal }, (phase) =>
      download({ ...file, sha256 }, { downloads, from, onProgress: phase.onProgress, signal: phase.signal }),
    );
    release.set(file.name, path);
  }
  const { publicKey: key } = context;
  return await makeNetbootTree(join(directory, "netboot"), {
    ...{ release, signedList: text, installConf: installConf({ user, publicKey: key }) },
    siteSet: await makeSet(await siteFiles({ user, ocaml, packages: packagesOf(parameters) })),
  });
}
