// An image of one's own: Debian 13 with what the team's builds need, made by
//   obuilder image build ./examples/own-image
import { defineRecipe, type RecipeParameters, getRecipe } from "@ob/images";

const debian = getRecipe("debian-13-amd64");

/** What every build of ours would install first. */
const tools = ["ca-certificates", "git", "make"];

const withTools = (parameters: RecipeParameters): RecipeParameters => ({
  ...parameters,
  packages: [...tools, ...parameters.packages],
});

export const recipe = defineRecipe({
  ...debian,
  name: "our-debian-13-amd64",
  summary: "Debian 13 with git and make",
  make: (context) => debian.make({ ...context, parameters: withTools(context.parameters) }),
  // Run in the new image before it gets its place in the store: what it prints last is shown if it fails.
  expectations: (parameters) => `${debian.expectations?.(withTools(parameters)) ?? ""}
git --version && make --version | head -n 1`,
});
