import {
  type BaseImage,
  didYouMean,
  type GuestDescription,
  type GuestImage,
  ObError,
  type RunTask,
  type Store,
} from "@ob/core";
import type { CopyOp, RunOp, Spec } from "@ob/spec";
import { resolveGuestPath, resolveInGuest } from "./context.ts";
import { atPlace, placeOf } from "./place.ts";
import type { BuildRequest } from "./request.ts";
import { allSpecs, type OpSetting, opsOf } from "./spec-ops.ts";
import { networkOf } from "./steps/run.ts";

export interface GuestChecks {
  readonly store: Store;
  /** Describes the guest of an image; undefined if no guest is checked. See `Sandbox.guest`. */
  readonly guest: ((image: GuestImage) => GuestDescription) | undefined;
  /** Refuses base images that do not exist. By default they are left to the steps. */
  readonly requireImages?: boolean;
}

/**
 * Finds what the guests of the stages cannot do, before anything is built. The guest of an image that does not exist yet
 * is not known: its stage is not checked.
 *
 * @throws ObError with the place in the spec: `BASE_IMAGE`, and what `GuestDescription.checkRun` and `checkCopy` throw.
 */
export async function validateGuests(request: BuildRequest, checks: GuestChecks): Promise<void> {
  const known = new Map<string, GuestDescription | undefined>();
  for (const spec of allSpecs(request.spec)) {
    try {
      if (!known.has(spec.from)) known.set(spec.from, await describe(spec.from, checks));
    } catch (error) {
      throw atPlace(error, placeOf(request.source, spec, { field: "from", value: 0 }));
    }
    const guest = known.get(spec.from);
    if (guest) checkStage(spec, guest, request);
  }
}

async function describe(
  name: string,
  { store, guest, requireImages = false }: GuestChecks,
): Promise<GuestDescription | undefined> {
  const image = await store.baseImage(name);
  if (requireImages && !image.present && !(await store.find(image.id))) throw noSuchImage(image);
  const known = guest && (await store.guestOf(image));
  return known && guest(known);
}

function noSuchImage({ name, others = [] }: BaseImage): ObError {
  const more = others.length > 8 ? ", …" : "";
  const available = `Available: ${others.slice(0, 8).join(", ")}${more}.`;
  const hint = didYouMean(name, others) ?? (others.length > 0 ? available : undefined);
  return new ObError("BASE_IMAGE", `There is no base image ${JSON.stringify(name)} in the store.`, {
    hint,
    data: { image: name },
  });
}

function checkStage(spec: Spec, guest: GuestDescription, request: BuildRequest): void {
  for (const { op, setting } of opsOf(spec)) {
    try {
      if (op.op === "run") guest.checkRun?.(taskOf(op, setting, request));
      else if (op.op === "copy") checkCopy(op, setting, guest);
    } catch (error) {
      throw atPlace(error, placeOf(request.source, op));
    }
  }
}

function checkCopy(op: CopyOp, { workdir }: OpSetting, guest: GuestDescription): void {
  guest.checkCopy?.(guest.copyTarget(resolveInGuest(workdir, op.destination)));
}

/** The task of a step, without the disks of its caches. */
function taskOf(op: RunOp, { workdir, ...setting }: OpSetting, { secrets }: BuildRequest): RunTask {
  return {
    kind: "run",
    command: op.command,
    workdir,
    ...setting,
    network: networkOf(op.network),
    caches: op.caches.map(({ name, target }) => ({
      name,
      disk: "/",
      formatted: true,
      target: resolveGuestPath(workdir, target),
    })),
    secrets: op.secrets.map(({ id, target }) => ({
      target: resolveGuestPath(workdir, target),
      contents: secrets?.get(id) ?? new Uint8Array(),
    })),
  };
}
