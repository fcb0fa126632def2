export {
  buildImage,
  imageIsCurrent,
  type ImageRequest,
  type ImageTools,
  type PlannedImage,
  planImage,
} from "./build/build-image.ts";
export { type CheckTools, type ImageToCheck } from "./check/check-image.ts";
export { checkStoredImage } from "./check/check-stored-image.ts";
export type { CheckRequest } from "./check/find-image.ts";
export { importImage, type ImportRequest } from "./build/import-image.ts";
export { type ImageState, type ListedImage, listImages } from "./build/list-images.ts";
export type { ParameterRequest } from "./recipe/parameters.ts";
export {
  type ImageEvent,
  withPhase,
  type OnImageEvent,
  type PhaseContext,
  type PhaseOptions,
} from "./build/phases.ts";
export {
  type CheckOptions,
  defineRecipe,
  type OcamlSupport,
  type Recipe,
  type RecipeContext,
  type RecipeDefinition,
  type RecipeDownload,
  type RecipeParameters,
  type RecipeResult,
  type RecipeSupport,
} from "./recipe/recipe.ts";
export { getRecipe, matchRecipe, recipeNames } from "./recipe/registry.ts";
export { type RemovedImage, removeImage } from "./build/remove-image.ts";
export {
  type AddImageRequest,
  addSharedImage,
  imageDigest,
  type ImageTarget,
  readSharedImage,
  type SharedImage,
} from "./build/shared-image.ts";
export { checkLifeCycle, type LifeCycleTools } from "./life-cycle/check-life-cycle.ts";
export type { CaseOutcome, CaseResult } from "./life-cycle/case.ts";
export type { EngineBuild, EngineOptions, LifeCycleEngine, OpenEngine } from "./life-cycle/engine.ts";
export { reportAsMarkdown } from "./life-cycle/markdown.ts";
export { type CheckHost, countOutcomes, type LifeCycleReport } from "./life-cycle/report.ts";
