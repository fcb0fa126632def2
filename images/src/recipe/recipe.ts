import {
  type CacheFileSystem,
  type ResolveCpuArgs,
  type GuestArch,
  type GuestOs,
  type ImageManifest,
  ObError,
} from "@ob/core";
import type { OnImageEvent } from "../build/phases.ts";

/** What can be chosen about an image, as a recipe gets it: complete and checked. */
export interface RecipeParameters {
  /** One of the versions that the recipe offers; undefined for an image without OCaml. */
  readonly ocaml: string | undefined;
  /** Size of the guest's disk in bytes. */
  readonly diskSize: number;
  /** The name of the login user. */
  readonly user: string;
  /** More packages, by their names in the guest's own system; sorted, each once. */
  readonly packages: readonly string[];
  /** Absolute path of the installer's ISO. */
  readonly iso: string | undefined;
  /** Absolute paths of files that take the place of downloads, by the names in `RecipeSupport.downloads`. */
  readonly from: ReadonlyMap<string, string>;
}

/** Which of the parameters a recipe has; one that is not here is refused for it. */
export interface RecipeSupport {
  readonly diskSize: { readonly default: number; readonly least: number };
  /** `pattern` where the guest's system is stricter than a manifest. */
  readonly user: { readonly default: string; readonly pattern?: RegExp | undefined };
  /** `from` ends the sentence "OCaml comes from …". */
  readonly ocaml?: { readonly versions: readonly string[]; readonly from: string } | undefined;
  /** `from` ends the sentence "Packages come from …". */
  readonly packages?: { readonly from: string; readonly pattern?: RegExp | undefined } | undefined;
  /** `what` names it for people: "Microsoft's installation ISO of Windows Server 2022". */
  readonly iso?: { readonly what: string; readonly required: boolean } | undefined;
  readonly downloads?: readonly RecipeDownload[] | undefined;
}

/** A file from elsewhere. */
export interface RecipeDownload {
  /** What `--from NAME=FILE` calls it: its usual file name. */
  readonly name: string;
  /** What it is, for people. */
  readonly what: string;
}

/** What a recipe is given. */
export interface RecipeContext {
  /** Absolute path of an empty directory for everything that the recipe makes; removed afterwards. */
  readonly directory: string;
  /** The image's name, with all that the parameters add to the recipe's. */
  readonly name: string;
  readonly parameters: RecipeParameters;
  /** The public key that the login user must accept, as a line of `authorized_keys`. */
  readonly publicKey: string;
  /** Absolute path of its private half, for a recipe that logs in while it installs. It never goes into an image. */
  readonly sshKey: string;
  /** Absolute path of the directory where downloads are kept for the next time. */
  readonly downloads: string;
  /** Absolute path for the log of the installing guest's console. It stays when the build fails. */
  readonly consoleLog: string;
  /** What to put in front of a command that needs root and that this user may not do otherwise: `sudo`. */
  readonly becomeRoot: readonly string[];
  /** For a recipe that runs a virtual machine. */
  readonly chooseProcessor: ResolveCpuArgs;
  readonly onEvent: OnImageEvent;
  readonly signal: AbortSignal | undefined;
}

/** What a recipe has made: absolute paths, in the context's directory. What is not given is as in a manifest. */
export interface RecipeResult extends Pick<
  ImageManifest,
  "announcesReady" | "resumes" | "diskBus" | "machine"
> {
  /** A qcow2 file without a backing file. */
  readonly disk: string;
  readonly virtualSize: number;
  readonly directBoot?: {
    readonly kernel: string;
    readonly initrd?: string | undefined;
    readonly commandLine: string;
  };
  /** An empty disk with the file system of this guest's caches, for the store's `cache-template/`. */
  readonly cacheTemplate?: { readonly fileSystem: CacheFileSystem; readonly disk: string };
}

/** How one base image is made, with its variants. */
export interface Recipe {
  /** The image's name without `-ocaml-VERSION`. */
  readonly name: string;
  /** What the image is, in a few words. */
  readonly summary: string;
  readonly guestOs: GuestOs;
  readonly guestArch: GuestArch;
  readonly supports: RecipeSupport;
  /** Programs on the host without which the work need not start. */
  readonly tools: readonly string[];
  /** The machine of the check after the build, where the usual one does not do. */
  readonly trial?: {
    readonly memoryMib?: number | undefined;
    readonly bootSeconds?: number | undefined;
    /** False where the image need not have what only helps. */
    readonly strict?: boolean | undefined;
  };
  /**
   * All that decides what the image will be, beside its name and its parameters: a value that JSON can hold. An image
   * with another is out of date.
   */
  fingerprint(parameters: RecipeParameters): unknown;
  /**
   * Makes the disk. Nothing may be asked; what waits has a deadline (`withPhase`).
   *
   * @throws ObError `MISSING_TOOL`, `TOOL_FAILED`, `NO_SPACE`, `BASE_IMAGE`, `CANCELLED`.
   */
  make(context: RecipeContext): Promise<RecipeResult>;
  /**
   * A script for the guest's Bourne shell that the login user runs in the new image: it ends with a status other than 0,
   * and words, if something of what the recipe promises is not so. What every image must have is looked at anyway.
   */
  expectations?(parameters: RecipeParameters): string;
  /** What else is to be checked, after the guest was booted and switched off. */
  check?(result: RecipeResult, options: CheckOptions): Promise<void>;
}

export interface CheckOptions {
  /** Absolute path of an empty directory. */
  readonly directory: string;
  /** Absolute path of the disk of the guest that was booted, as it left it. */
  readonly tried: string;
  readonly parameters: RecipeParameters;
  /** Absolute path of the private key that the login user accepts. */
  readonly sshKey: string;
  readonly signal: AbortSignal | undefined;
}

/** What a recipe need not say has its usual value. */
export interface RecipeDefinition extends Omit<Recipe, "summary" | "supports" | "tools" | "fingerprint"> {
  readonly summary?: string | undefined;
  readonly supports?: Partial<RecipeSupport> | undefined;
  readonly tools?: readonly string[] | undefined;
  /** By default nothing: then the text of the file `recipe.ts` decides alone. */
  readonly fingerprint?: ((parameters: RecipeParameters) => unknown) | undefined;
}

const gibibyte = 1024 ** 3;
const namePattern = /^[a-z0-9][a-z0-9.+_-]*$/i;

/**
 * A recipe, complete with what its definition leaves out: a disk of 10 GiB, the login user `opam`, no OCaml, no more
 * packages.
 *
 * @throws ObError `USAGE` if the name cannot be that of an image.
 */
export function defineRecipe(definition: RecipeDefinition): Recipe {
  const { name, supports = {}, fingerprint = () => null } = definition;
  if (!namePattern.test(name)) {
    throw new ObError("USAGE", `${JSON.stringify(name)} cannot be the name of a recipe.`, {
      hint: "Letters, digits and . + _ - make a name.",
    });
  }
  return {
    ...definition,
    summary: definition.summary ?? name,
    supports: {
      ...supports,
      diskSize: supports.diskSize ?? { default: 10 * gibibyte, least: gibibyte },
      user: supports.user ?? { default: "opam" },
    },
    tools: definition.tools ?? [],
    fingerprint,
  };
}
