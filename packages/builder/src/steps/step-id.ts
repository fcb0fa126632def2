import { type Environment, type GuestUser, type LayerId, layerId, sha256 } from "@ob/core";
import { encodeUser, type Sexp, sexpToMachine } from "@ob/spec";
import type { Manifest } from "../source/manifest.ts";

/*
 * Whatever makes one step different from another stands here, and nowhere else. An id is the sha256 of an
 * S-expression's machine form, the original's to the byte, so that its layers are found. What is ours may only be
 * one field more, and only where the original's layer would be a wrong one. The base layer's id is the store's.
 */

export interface RunInputs {
  readonly base: LayerId;
  readonly workdir: string;
  readonly user: GuestUser | undefined;
  readonly environment: Environment;
  readonly command: string;
  readonly shell: readonly string[];
  readonly network: readonly string[];
  /** In the spec's order; the values count, as text made by `fromBytes`. */
  readonly secrets: readonly { readonly value: string; readonly target: string }[];
}

export function runStepId(inputs: RunInputs): LayerId {
  return digest(runFields(inputs));
}

/** An id that no build ever has: the nonce makes every healthcheck a step of its own. */
export function healthcheckId(inputs: RunInputs, nonce: string): LayerId {
  return digest([...runFields(inputs), ["healthcheck", nonce]]);
}

export interface CopyInputs {
  readonly base: LayerId;
  readonly user: GuestUser | undefined;
  readonly manifests: readonly Manifest[];
  /** Absolute; where it ends in `/` it is the directory that the items go into, otherwise the item's new name. */
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
  /** The layer that is copied from: all that can be in it follows from its id, so nothing has to be read. */
  readonly source: LayerId;
  /** As `checkSourcePath` makes them: two ways to write one path are one id. */
  readonly paths: readonly string[];
  /** See `CopyInputs`. */
  readonly destination: string;
  /** Sorted, each once. */
  readonly exclude: readonly string[];
}

/** The original cannot copy out of a nested build, so this form is ours. */
export function copyFromStepId(inputs: CopyFromInputs): LayerId {
  const { base, user, source, paths, destination, exclude } = inputs;
  return digest([
    ["base", base],
    ["user", userFields(user)],
    ["op", ["Copy_from", [source, paths, destination, exclude]]],
  ]);
}

function runFields(inputs: RunInputs): readonly Sexp[] {
  const { base, workdir, user, environment, command, shell, network, secrets } = inputs;
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
  ];
}

/** The original says root where no user was given, and then runs as the login user. */
function userFields(user: GuestUser | undefined): readonly Sexp[] {
  return encodeUser(user ?? { uid: 0, gid: 0 });
}

/**
 * Where root was asked for, the original's layer is a wrong one: it ran the command, and unpacked the files, as the
 * login user.
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
  return layerId(sha256(sexpToMachine(fields)));
}
