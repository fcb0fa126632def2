import type { BaseImage, BaseLayerInfo, Emit, StepInfo, Store } from "@ob/core";
import type { Context } from "../context.ts";
import { fromHeading } from "../op-label.ts";
import type { LayerJob } from "../sharing/single-flight.ts";

/** `(from NAME)`: the base image becomes a layer. */
export interface FromStep {
  readonly info: StepInfo & { readonly op: "from" };
  readonly image: BaseImage;
}

/** What a base layer says, or would say: an image that is not imported yet adds nothing. */
export type Base = Pick<BaseLayerInfo, "environment" | "manifest" | "manifestDirectory">;
export const unknownBase: Base = { environment: [], manifest: undefined, manifestDirectory: "/" };

export async function prepareFrom(name: string, context: Context, store: Store): Promise<FromStep> {
  const image = await store.baseImage(name);
  const { build } = context;
  return { image, info: { op: "from", id: image.id, base: undefined, heading: fromHeading(name), build } };
}

/** Takes the base image over into the store. */
export async function importBase(step: FromStep, making: LayerJob, emit: Emit): Promise<void> {
  const { writer: claim, signal } = making;
  const { name } = step.image;
  emit({ type: "log", level: "info", text: `Base image not present; importing ${JSON.stringify(name)}…` });
  await claim.importBase(name, signal);
  signal.throwIfAborted();
  await claim.commit();
}
