import { expect, test } from "vitest";
import * as images from "./index.ts";

const entries: Readonly<Record<string, unknown>> = images;

/** As from JavaScript, which knows no types. */
test.each<[keyof typeof images, readonly unknown[], string]>([
  ["planImage", [], "planImage takes an object with options, not undefined."],
  ["planImage", [{}], "planImage: recipe must be a string, not undefined."],
  [
    "imageIsCurrent",
    [{ recipe: {}, name: "x", parameters: {} }],
    "imageIsCurrent: store must be a string, not undefined.",
  ],
  ["buildImage", ["debian"], "buildImage takes an object with options, not a string."],
  [
    "buildImage",
    [{ recipe: {}, name: "x", parameters: {} }, { store: "/x" }],
    "buildImage: startSmokeTest must be a function, not undefined.",
  ],
  ["importImage", [{ file: 7 }], "importImage: file must be a string, not a number."],
  ["checkStoredImage", [{ image: "x" }], "checkStoredImage takes an object with options, not undefined."],
  ["checkLifeCycle", [{ image: 1 }], "checkLifeCycle: image must be a string, not a number."],
  ["checkLifeCycle", [{ image: "x" }, {}], "checkLifeCycle: store must be a string, not undefined."],
  ["listImages", [{}], "listImages: store must be a string, not an object."],
  ["removeImage", ["/x"], "removeImage: name must be a string, not undefined."],
])("%s%j is refused by name", async (name, args, message) => {
  const entry = entries[name];
  if (typeof entry !== "function") throw new TypeError(`${name} is not a function.`);
  await expect(Reflect.apply(entry, undefined, args)).rejects.toThrow(new TypeError(message));
});
