import type { ImageManifest } from "@ob/core";
import type { OnImageEvent } from "./progress.ts";

/** What a recipe is given. */
export interface RecipeContext {
  /** Absolute path of an empty directory for everything that the recipe makes; removed afterwards. */
  readonly directory: string;
  /** The public key that the login user must accept, as a line of `authorized_keys`. */
  readonly publicKey: string;
  /** What to put in front of a command that needs root and that this user may not do otherwise: `sudo`. */
  readonly becomeRoot: readonly string[];
  readonly onEvent: OnImageEvent;
  readonly signal: AbortSignal | undefined;
}

/** What a recipe has made: absolute paths, in the context's directory. */
export interface RecipeResult {
  /** A qcow2 file without a backing file. */
  readonly disk: string;
  readonly virtualSize: number;
  readonly directBoot?: { readonly kernel: string; readonly initrd: string; readonly commandLine: string };
}

/** How one base image is made. */
export interface Recipe extends Pick<ImageManifest, "guestOs" | "guestArch" | "loginUser"> {
  readonly name: string;
  /** All that decides what the image will be, as one text; an image of another is made anew. */
  fingerprint(): Promise<string>;
  /** @throws ObError `MISSING_TOOL`, `TOOL_FAILED`, `NO_SPACE`, `BASE_IMAGE`, `CANCELLED`. */
  make(context: RecipeContext): Promise<RecipeResult>;
  /** Boots what was made, and checks that one can work in it. */
  check(result: RecipeResult, options: CheckOptions): Promise<void>;
}

export interface CheckOptions {
  /** Absolute path of an empty directory. */
  readonly directory: string;
  /** Absolute path of the private key that the login user accepts. */
  readonly sshKey: string;
  readonly signal: AbortSignal | undefined;
}
