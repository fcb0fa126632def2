import { checkOptions, storeLayout } from "@ob/core";
import { checkImageTools } from "../build/check-tools.ts";
import type { ImageTools } from "../build/build-image.ts";
import { makeStaging } from "../build/staging.ts";
import { checkImage } from "./check-image.ts";
import { type CheckRequest, findImage, smokeTestOf } from "./find-image.ts";

/**
 * Checks an image as `checkImage` does. Nothing is modified.
 *
 * @throws ObError `BASE_IMAGE`, `USAGE`; errors of the boot.
 */
export async function checkStoredImage(request: CheckRequest, tools: ImageTools): Promise<void> {
  checkOptions("checkStoredImage", request, { image: "string", loginUser: "string?", sshKey: "string?" });
  checkImageTools("checkStoredImage", tools);
  const { store, startSmokeTest, onEvent = () => undefined, signal } = tools;
  const image = await findImage(request, store);
  const layout = storeLayout(store);
  await using scratch = await makeStaging(layout.imageChecks, layout);
  await checkImage(
    { ...image, ...smokeTestOf(image) },
    { startSmokeTest, scratch: scratch.path, strict: false, measuresSpeed: true, onEvent, signal },
  );
}
