import { type Environment, type GuestUser, type LayerId, layerId, sha256OfText } from "@ob/core";
import { encodeUser, type Sexp, sexpToMachine } from "@ob/spec";
import type { Manifest } from "../source/manifest.ts";

/*
 * What identifies a step is defined here, and nowhere else. An id is the sha256 of an S-expression's machine form, which
 * is the original's byte for byte, so that its layers are found. Additions may only add a field, and only where the
 * original's layer would be wrong. The store defines the id of a base layer.
 */

export interface RunInputs {
  readonly base: LayerId;
  readonly workdir: string;
  readonly user: GuestUser | undefined;
  readonly environment: Environment;
  readonly command: string;
  readonly shell: readonly string[];
  readonly network: readonly string[];
  /** In the spec's order, with their values as text made by `fromBytes`. */
  readonly secrets: readonly { readonly value: string; readonly target: string }[];
  /** By default false. */
  readonly mayRestart?: boolean | undefined;
}

export function runStepId(inputs: RunInputs): LayerId {
  return digest(runFields(inputs));
}

/** An id that no build has: the nonce makes every healthcheck a step of its own. */
export function healthcheckId(inputs: RunInputs, nonce: string): LayerId {
  return digest([...runFields(inputs), ["healthcheck", nonce]]);
}

/** The id of a step that is run although its layer exists: the nonce makes it another one. */
export function renewedStepId(id: LayerId, nonce: string): LayerId {
  return digest([
    ["renewed", id],
    ["nonce", nonce],
  ]);
}

export interface CopyInputs {
  readonly base: LayerId;
  readonly user: GuestUser | undefined;
  readonly manifests: readonly Manifest[];
  /** Absolute; if it ends in `/` it is the directory that the items go into, else the item's new name. */
  readonly destination: string;
}

export function copyStepId(inputs: CopyInputs): LayerId {
  const { base, user, manifests, destination } = inputs;
  const items = manifests.map(manifestFields);
  const op: Sexp = destination.endsWith("/")
    ? ["Copy_items", [items, destination]]
    : ["Copy_item", [...items, destination]];
  return digest([["base", base], ["user", userFields(user)], ["op", op], ...explicitRoot(user)]);
}

export interface CopyFromInputs {
  readonly base: LayerId;
  readonly user: GuestUser | undefined;
  /** The layer that is copied from: its id determines its contents, so nothing has to be read. */
  readonly source: LayerId;
  /** As `checkSourcePath` normalises them: two spellings of one path give one id. */
  readonly paths: readonly string[];
  /** See `CopyInputs`. */
  readonly destination: string;
  /** Sorted, each once. */
  readonly exclude: readonly string[];
}

/** The original cannot copy from a nested build, so this form is an addition. */
export function copyFromStepId(inputs: CopyFromInputs): LayerId {
  const { base, user, source, paths, destination, exclude } = inputs;
  return digest([
    ["base", base],
    ["user", userFields(user)],
    ["op", ["Copy_from", [source, paths, destination, exclude]]],
  ]);
}

function runFields(inputs: RunInputs): readonly Sexp[] {
  const { base, workdir, user, environment, command, shell, network, secrets, mayRestart } = inputs;
  return [
    ["base", base],
    ["workdir", workdir],
    ["user", userFields(user)],
    ["env", environment],
    ["cmd", command],
    ["shell", shell],
    ["network", network],
    [
      "mount_secrets",
      secrets.toReversed().map(({ value, target }) => [
        ["value", value],
        ["target", target],
      ]),
    ],
    ...explicitRoot(user),
    // The original knows no such steps.
    ...(mayRestart === true ? [["restart", "allowed"]] : []),
  ];
}

/** Without a user the original has root in the id, and runs the command as the login user. */
function userFields(user: GuestUser | undefined): readonly Sexp[] {
  return encodeUser(user ?? { uid: 0, gid: 0 });
}

/**
 * For an explicit root the original's layer is wrong: it ran the command, or unpacked the files, as the login user.
 */
function explicitRoot(user: GuestUser | undefined): readonly Sexp[] {
  const asked = user !== undefined && "uid" in user && user.uid === 0 && user.gid === 0;
  return asked ? [["explicit_user", "true"]] : [];
}

function manifestFields(manifest: Manifest): Sexp {
  switch (manifest.kind) {
    case "file":
      return ["File", [manifest.path, manifest.sha256]];
    case "symlink":
      return ["Symlink", [manifest.path, manifest.target]];
    case "directory":
      return ["Dir", [manifest.path, manifest.entries.map(manifestFields)]];
  }
}

function digest(fields: readonly Sexp[]): LayerId {
  return layerId(sha256OfText(sexpToMachine(fields)));
}
