import {
  type BaseImage,
  type BaseLayerInfo,
  type Emit,
  type LayerId,
  type StepInfo,
  type Store,
  throwIfCancelled,
} from "@ob/core";
import type { Spec } from "@ob/spec";
import type { Context } from "../context.ts";
import { fromHeading } from "../op-label.ts";
import { atPlace, placeOf } from "../place.ts";
import type { LayerBuild, LayerJob } from "../sharing/single-flight.ts";

/** `(from NAME)`: the base image becomes a layer. */
export interface FromStep {
  readonly info: StepInfo & { readonly op: "from" };
  readonly image: BaseImage;
}

/** What a base layer adds to its stage: nothing for an image that is not imported yet. */
export type Base = Pick<BaseLayerInfo, "environment" | "manifest" | "manifestDirectory">;
export const unknownBase: Base = { environment: [], manifest: undefined, manifestDirectory: "/" };

export async function prepareFrom(spec: Spec, context: Context, store: Store): Promise<FromStep> {
  const { build, source } = context;
  const place = { field: "from", value: 0 };
  const image = await store.baseImage(spec.from).catch((error: unknown) => {
    throw atPlace(error, placeOf(source, spec, place));
  });
  const at = source?.locate(spec, place);
  return {
    image,
    info: { op: "from", id: image.id, base: undefined, heading: fromHeading(spec.from), build, at },
  };
}

/** The base layer under a stage: the image's own, or the one under a tagged layer. */
export function baseUnder({ image }: FromStep): LayerId {
  return image.base ?? image.id;
}

/** The layer of a base image: the image is imported into the store. */
export function baseLayer(step: FromStep, emit: Emit): LayerBuild {
  return { id: step.info.id, emit, build: (job) => importBase(step, job, emit) };
}

async function importBase(
  { image, info }: FromStep,
  { writer, signal }: LayerJob,
  emit: Emit,
): Promise<void> {
  const text = `Base image not present; importing ${JSON.stringify(image.name)}…`;
  emit({ type: "log", level: "info", text });
  await writer.importBase(image.name, signal);
  throwIfCancelled(signal);
  await writer.commit({ op: "from", heading: info.heading, inputs: { image: image.name } });
}
