import {
  type CacheFileSystem,
  type ResolveCpuArgs,
  type GuestArch,
  type GuestOs,
  type ImageManifest,
  ObError,
  type StartSmokeTest,
} from "@ob/core";
import type { OnImageEvent } from "../build/phases.ts";

/** The parameters of an image as a recipe gets them: complete and validated. */
export interface RecipeParameters {
  /** One of the versions that the recipe supports; undefined for an image without OCaml. */
  readonly ocaml: string | undefined;
  /** Size of the guest's disk in bytes. */
  readonly diskSize: number;
  /** The name of the login user. */
  readonly user: string;
  /** Additional packages by the guest system's names; sorted, without duplicates. */
  readonly packages: readonly string[];
  /** Absolute path of the installer's ISO. */
  readonly iso: string | undefined;
  /** Absolute paths of local files to use instead of downloads, by the names in `RecipeSupport.downloads`. */
  readonly from: ReadonlyMap<string, string>;
}

/** The parameters that a recipe supports; others are refused. */
export interface RecipeSupport {
  readonly diskSize: { readonly default: number; readonly min: number };
  /** `pattern` if the guest's system is stricter than a manifest. */
  readonly user: { readonly default: string; readonly pattern?: RegExp | undefined };
  readonly ocaml?: OcamlSupport | undefined;
  /** `from` completes the sentence "Packages come from …". */
  readonly packages?: { readonly from: string; readonly pattern?: RegExp | undefined } | undefined;
  /** `what` is the name for messages: "Microsoft's installation ISO of Windows Server 2022". */
  readonly iso?: { readonly what: string; readonly required: boolean } | undefined;
  readonly downloads?: readonly RecipeDownload[] | undefined;
}

/** The versions of OCaml that a recipe can build an image with. */
export interface OcamlSupport {
  /** Those that `image list` shows, as `X.Y.Z`. */
  readonly versions: readonly string[];
  /** Further versions that are known to work; by default none. */
  readonly others?: readonly string[] | undefined;
  /** True if the source may have newer releases by now, which `make` then looks for. By default false. */
  readonly allowsNewer?: boolean | undefined;
  /** Completes the sentence "OCaml comes from …". */
  readonly from: string;
}

/** A file that a recipe downloads. */
export interface RecipeDownload {
  /** The name in `--from NAME=FILE`: the usual file name. */
  readonly name: string;
  /** The name for messages. */
  readonly what: string;
}

/** The input of `Recipe.make`. */
export interface RecipeContext {
  /** Absolute path of an empty directory for all files that the recipe creates; removed afterwards. */
  readonly directory: string;
  /** The image's name, including the suffix for its parameters. */
  readonly name: string;
  readonly parameters: RecipeParameters;
  /** The public key that the login user has to accept, as a line of `authorized_keys`. */
  readonly publicKey: string;
  /**
   * Absolute path of the private key, for a recipe that logs in during the installation. It must not be put in an
   * image.
   */
  readonly sshKey: string;
  /** Absolute path of the directory where downloads are stored. */
  readonly downloads: string;
  /** Absolute path for the log of the installer's console. It is kept when the build fails. */
  readonly consoleLog: string;
  /** Prefix for commands that need root, such as `sudo`; only for what this user cannot do otherwise. */
  readonly sudoPrefix: readonly string[];
  /** Resolves CPU arguments, for a recipe that runs a VM. */
  readonly resolveCpuArgs: ResolveCpuArgs;
  /** Boots a disk and logs in, for a recipe that runs commands in its guest during the installation. */
  readonly startSmokeTest: StartSmokeTest;
  readonly onEvent: OnImageEvent;
  readonly signal: AbortSignal | undefined;
}

/**
 * The output of `Recipe.make`: absolute paths in the context's directory. Omitted properties have the manifest's
 * defaults.
 */
export interface RecipeResult extends Pick<
  ImageManifest,
  "readyMarker" | "snapshotPoints" | "rootShellPort" | "diskBus" | "machine"
> {
  /** A qcow2 file without a backing file. */
  readonly disk: string;
  readonly virtualSize: number;
  readonly directBoot?: {
    readonly kernel: string;
    readonly initrd?: string | undefined;
    readonly commandLine: string;
  };
  /** An empty disk with the file system of this guest's cache disks, for the store's `cache-template/`. */
  readonly cacheTemplate?: { readonly fileSystem: CacheFileSystem; readonly disk: string };
}

/** How to build one base image and its variants. */
export interface Recipe {
  /** The image's name without `-ocaml-VERSION`. */
  readonly name: string;
  /** A short description of the image. */
  readonly summary: string;
  readonly guestOs: GuestOs;
  readonly guestArch: GuestArch;
  readonly supports: RecipeSupport;
  /** Programs that must be installed on the host; checked before the build. */
  readonly tools: readonly string[];
  /** The VM of the smoke test, where the default does not work. */
  readonly smokeTest?: {
    readonly memoryMib?: number | undefined;
    readonly bootSeconds?: number | undefined;
    /** False if the image may lack recommended properties. */
    readonly strict?: boolean | undefined;
  };
  /**
   * Everything that determines the image, except its name and parameters, as a JSON value. An image with another
   * fingerprint is outdated.
   */
  fingerprint(parameters: RecipeParameters): unknown;
  /**
   * Builds the disk, without any prompts. Waits must have a time limit (`withPhase`).
   *
   * @throws ObError `MISSING_TOOL`, `TOOL_FAILED`, `NO_SPACE`, `BASE_IMAGE`, `CANCELLED`.
   */
  make(context: RecipeContext): Promise<RecipeResult>;
  /**
   * A script for the guest's Bourne shell that the login user runs in the new image. It prints a message and exits
   * with a status other than 0 if the image lacks a property of this recipe. The properties of every image are
   * checked anyway.
   */
  expectations?(parameters: RecipeParameters): string;
  /** Additional checks after the smoke test, when the guest has shut down. */
  check?(result: RecipeResult, options: CheckOptions): Promise<void>;
}

export interface CheckOptions {
  /** Absolute path of an empty directory. */
  readonly directory: string;
  /** Absolute path of the disk of the smoke test's guest, as the guest left it. */
  readonly smokeTestDisk: string;
  readonly parameters: RecipeParameters;
  /** Absolute path of the private key that the login user accepts. */
  readonly sshKey: string;
  /** Boots a disk and logs in. */
  readonly startSmokeTest: StartSmokeTest;
  readonly signal: AbortSignal | undefined;
}

/** A recipe in which properties with a default can be omitted. */
export interface RecipeDefinition extends Omit<Recipe, "summary" | "supports" | "tools" | "fingerprint"> {
  readonly summary?: string | undefined;
  readonly supports?: Partial<RecipeSupport> | undefined;
  readonly tools?: readonly string[] | undefined;
  /** By default nothing: then only the text of the file `recipe.ts` counts. */
  readonly fingerprint?: ((parameters: RecipeParameters) => unknown) | undefined;
}

const gibibyte = 1024 ** 3;
const namePattern = /^[a-z0-9][a-z0-9.+_-]*$/i;

/**
 * Completes a recipe with defaults: a disk of 10 GiB, the login user `opam`, no OCaml, no additional packages.
 *
 * @throws ObError `USAGE` if the name is not valid for an image.
 */
export function defineRecipe(definition: RecipeDefinition): Recipe {
  const { name, supports = {}, fingerprint = () => null } = definition;
  if (!namePattern.test(name)) {
    throw new ObError("USAGE", `${JSON.stringify(name)} cannot be the name of a recipe.`, {
      hint: "A name has letters, digits and . + _ -, and starts with a letter or digit.",
    });
  }
  return {
    ...definition,
    summary: definition.summary ?? name,
    supports: {
      ...supports,
      diskSize: supports.diskSize ?? { default: 10 * gibibyte, min: gibibyte },
      user: supports.user ?? { default: "opam" },
    },
    tools: definition.tools ?? [],
    fingerprint,
  };
}
