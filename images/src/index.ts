export {
  buildImage,
  imageIsCurrent,
  type ImageRequest,
  type ImageTools,
  type PlannedImage,
  planImage,
} from "./build-image.ts";
export { type CheckTools, type ImageToCheck } from "./check-image.ts";
export { checkStoredImage, type CheckRequest } from "./check-stored-image.ts";
export { importImage, type ImportRequest } from "./import-image.ts";
export { type ImageState, type ListedImage, listImages } from "./list-images.ts";
export type { ParameterRequest } from "./parameters.ts";
export {
  type ImageEvent,
  inPhase,
  type OnImageEvent,
  type PhaseContext,
  type PhaseOptions,
} from "./progress.ts";
export {
  type CheckOptions,
  defineRecipe,
  type Recipe,
  type RecipeContext,
  type RecipeDefinition,
  type RecipeDownload,
  type RecipeParameters,
  type RecipeResult,
  type RecipeSupport,
} from "./recipe.ts";
export { recipeNamed, recipeNames } from "./recipes.ts";
export { type RemovedImage, removeImage } from "./remove-image.ts";
