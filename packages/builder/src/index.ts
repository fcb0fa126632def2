export { type Builder, type BuilderOptions, type BuildOptions, createBuilder } from "./builder.ts";
export type { HealthcheckOptions } from "./healthcheck.ts";
export { type PlanBuildOptions, type PlannedStep, planBuild, type PlanOptions } from "./plan.ts";
export { expandRequest, type ExpandRequestOptions } from "./expand-request.ts";
export type { BuildRequest } from "./request.ts";
export type { CopySize } from "./source/copy-size.ts";
export { contextArchive, type ContextArchiveOptions } from "./archive/context-archive.ts";
export { layerArchive, type LayerArchiveOptions, type LayerItem } from "./archive/layer-archive.ts";
export type { NewOwner } from "./archive/new-owner.ts";
export type { OpenLayerOptions } from "./open-layer.ts";
export type { StepFailure } from "./steps/step-deps.ts";
export { checkSourcePath } from "./steps/copy-from-build.ts";
export {
  compareTrees,
  type FileChange,
  type LayerTree,
  readLayerTree,
  type ReadTreeOptions,
  type TreeLimits,
} from "./archive/layer-tree.ts";
