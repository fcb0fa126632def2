import { describe, expect, it } from "vitest";
import { imagesIn } from "./guest-image.ts";
import { guestConformance } from "./guest-conformance.ts";

const names = { linux: "Linux", openbsd: "OpenBSD", windows: "Windows" } as const;

const directory = process.env["OB_E2E_IMAGES"];
const images = directory === undefined ? [] : await imagesIn(directory);

// The name says why it is skipped: without the user's own images, these tests prove nothing about OpenBSD or Windows.
describe.skipIf(directory === undefined)("real media, in the directory OB_E2E_IMAGES", () => {
  it("exist, each with its manifest", () => {
    expect(images).not.toEqual([]);
  });
});

for (const image of images) {
  guestConformance(`${image.name}: ${names[image.os]} (real media)`, {
    os: image.os,
    image: () => Promise.resolve(image),
  });
}
