export {
  buildImage,
  type BuildImageOptions,
  imageIsCurrent,
  imageNames,
  type ImageRequest,
} from "./build-image.ts";
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
