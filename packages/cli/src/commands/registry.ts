import type { Command } from "./command.ts";

export interface CommandEntry {
  /** The line in the list of commands. */
  readonly summary: string;
  readonly load: () => Promise<Command>;
  /** A second name, which the list of commands does not show. By default false. */
  readonly alias?: boolean;
}

const loadLs = async (): Promise<Command> => (await import("./ls.ts")).ls;

/** Every command, in the order of the help. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  build: { summary: "Build a spec", load: async () => (await import("./build.ts")).build },
  plan: {
    summary: "Show the steps of a spec, their ids, and which are in the store",
    load: async () => (await import("./plan.ts")).plan,
  },
  fmt: { summary: "Format specs", load: async () => (await import("./fmt.ts")).fmt },
  lint: {
    summary: "Find what is probably not meant in specs",
    load: async () => (await import("./lint.ts")).lint,
  },
  dockerfile: {
    summary: "Convert a spec to a Dockerfile",
    load: async () => (await import("./dockerfile.ts")).dockerfile,
  },
  "language-server": {
    summary: "Serve editors by the Language Server Protocol",
    load: async () => (await import("./language-server.ts")).languageServer,
  },
  ls: { summary: "List layers", load: loadLs },
  list: { summary: "The same as ls", load: loadLs, alias: true },
  inspect: {
    summary: "Print all that is known of a layer",
    load: async () => (await import("./inspect.ts")).inspect,
  },
  history: {
    summary: "Show the steps that a layer is the result of",
    load: async () => (await import("./history.ts")).history,
  },
  diff: {
    summary: "Show which files differ between two layers",
    load: async () => (await import("./diff.ts")).diff,
  },
  du: { summary: "Show what takes space in the store", load: async () => (await import("./du.ts")).du },
  tag: { summary: "Give a layer a name", load: async () => (await import("./tag.ts")).tag },
  untag: { summary: "Remove a name of a layer", load: async () => (await import("./untag.ts")).untag },
  log: { summary: "Print the log of a layer", load: async () => (await import("./log.ts")).log },
  builds: {
    summary: "List or remove the records of builds",
    load: async () => (await import("./builds.ts")).builds,
  },
  report: {
    summary: "Write a page about a build",
    load: async () => (await import("./report.ts")).report,
  },
  cp: {
    summary: "Copy files out of a layer",
    load: async () => (await import("./cp.ts")).cp,
  },
  shell: {
    summary: "Open a shell in an ephemeral VM on a layer",
    load: async () => (await import("./shell.ts")).shell,
  },
  export: {
    summary: "Export a layer's disk as one bootable qcow2 file",
    load: async () => (await import("./export.ts")).exportLayer,
  },
  image: {
    summary: "Build, check, import, list and remove base images",
    load: async () => (await import("./image/index.ts")).image,
  },
  healthcheck: {
    summary: "Check that a base image boots and runs a command",
    load: async () => (await import("./healthcheck.ts")).healthcheck,
  },
  config: {
    summary: "Show which options are set, and where",
    load: async () => (await import("./config.ts")).config,
  },
  doctor: {
    summary: "Check what this host has for builds and what it lacks",
    load: async () => (await import("./doctor.ts")).doctor,
  },
  delete: {
    summary: "Delete a layer and all layers based on it",
    load: async () => (await import("./delete.ts")).deleteLayer,
  },
  prune: {
    summary: "Delete least recently used layers",
    load: async () => (await import("./prune.ts")).prune,
  },
  cache: {
    summary: "List, remove or prune cache disks",
    load: async () => (await import("./cache.ts")).cache,
  },
  submit: {
    summary: "Build a spec on a cluster",
    load: async () => (await import("./submit.ts")).submit,
  },
  attach: {
    summary: "Show a build of a cluster",
    load: async () => (await import("./attach.ts")).attach,
  },
  cancel: {
    summary: "Cancel a build of a cluster",
    load: async () => (await import("./cancel.ts")).cancel,
  },
  worker: {
    summary: "Build for a cluster",
    load: async () => (await import("./worker.ts")).worker,
  },
  cluster: {
    summary: "Show a cluster, drain its workers, make keys",
    load: async () => (await import("./cluster.ts")).cluster,
  },
  completion: {
    summary: "Print a script for a shell that completes words",
    load: async () => (await import("./completion.ts")).completion,
  },
  clean: { summary: "Delete all layers", load: async () => (await import("./clean.ts")).clean },
};
