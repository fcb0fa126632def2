export {
  buildImage,
  type BuildImageOptions,
  imageIsCurrent,
  imageNames,
  type ImageRequest,
} from "./build-image.ts";
export type { ImageEvent, OnImageEvent } from "./progress.ts";
