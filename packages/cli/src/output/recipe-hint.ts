import { isObError, ObError } from "@ob/core";

/** Adds how to build a base image that is missing, if there is a recipe for it. Other errors stay as they are. */
export async function withRecipeHint(error: unknown): Promise<unknown> {
  const image = isObError(error, "BASE_IMAGE") ? error.data?.["image"] : undefined;
  if (!isObError(error) || image === undefined) return error;
  const hint = await recipeHint(image);
  if (hint === undefined) return error;
  const { code, message, cause, data, at, step } = error;
  return new ObError(code, message, { cause, data, at, step, hint });
}

/** How to build a base image; undefined if there is no recipe for it. */
export async function recipeHint(image: string): Promise<string | undefined> {
  const { matchRecipe } = await import("@ob/images");
  return matchRecipe(image) && `\`obuilder image build ${image}\` builds it.`;
}
