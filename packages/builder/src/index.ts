export { type Builder, type BuilderOptions, type BuildOptions, createBuilder } from "./builder.ts";
export type { HealthcheckOptions } from "./healthcheck.ts";
export { type PlannedStep, planBuild, type PlanOptions } from "./plan.ts";
export type { BuildRequest } from "./request.ts";
export { layerArchive, type LayerArchiveOptions, type LayerItem } from "./archive/layer-archive.ts";
export type { NewOwner } from "./archive/new-owner.ts";
export type { OpenLayerOptions } from "./open-layer.ts";
export type { StepFailure } from "./steps/step-deps.ts";
export { checkSourcePath } from "./steps/copy-from-build.ts";
