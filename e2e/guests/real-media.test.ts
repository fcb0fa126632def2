import { describe, expect, it } from "vitest";
import { obuilder } from "../support/obuilder.ts";
import { imagesIn, storeWith } from "./guest-image.ts";
import { guestConformance } from "./guest-conformance.ts";

const names = { linux: "Linux", openbsd: "OpenBSD", windows: "Windows" } as const;

/** In milliseconds: a guest that is booted for each step boots about thirty times. */
const deepTimeout = 7_200_000;

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

  it(
    `${image.name}: passes every case of \`image check --deep\` (real media)`,
    async () => {
      await using store = await storeWith(image);
      const flags = [`--store=qemu:${store.directory}`, "--qemu-memory=2", "--qemu-boot-time=300"];
      const checked = await obuilder(["image", "check", "--deep", image.name, ...flags]);
      expect(checked.exitCode, checked.all).toBe(0);
    },
    deepTimeout,
  );
}
