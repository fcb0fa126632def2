import path from "node:path";
import { ObError } from "@ob/core";
import { expect, it } from "vitest";
import { parseStoreLocation } from "./store-location.ts";

/** The message and the hint of the refusal. */
function refusal(text: string | undefined): string {
  try {
    parseStoreLocation(text);
  } catch (error) {
    if (error instanceof ObError && error.code === "USAGE") return `${error.message} ${error.hint}`;
    throw error;
  }
  throw new Error("It was accepted.");
}

it("reads qemu:DIR, and makes the directory absolute", () => {
  expect(parseStoreLocation("qemu:/var/cache/obuilder")).toEqual({
    kind: "qemu",
    directory: "/var/cache/obuilder",
  });
  expect(parseStoreLocation("qemu:store").directory).toBe(path.resolve("store"));
  expect(parseStoreLocation("qemu:/with:colon and blank").directory).toBe("/with:colon and blank");
});

it("says what to write instead of what it refuses", () => {
  expect(refusal(undefined)).toContain("Add --store=qemu:DIR, or set OBUILDER_STORE=qemu:DIR.");
  expect(refusal("/var/cache/x")).toContain("Write --store=qemu:/var/cache/x");
  expect(refusal("store")).toContain("Write --store=qemu:store");
  expect(refusal("qemu:")).toContain("The store qemu: names no directory.");
  expect(refusal("qmeu:/s")).toContain(
    'no store of the kind "qmeu". The one kind that is supported is qemu: write --store=qemu:/s',
  );
});

it.each(["docker:x", "btrfs:/x", "zfs:tank", "rsync:/x", "xfs:/x", "overlayfs:/x", "hcs:x"])(
  "knows that %s is a store of the original's other backends",
  (store) => {
    const kind = store.slice(0, store.indexOf(":"));
    expect(refusal(store)).toBe(
      `A ${kind} store holds the layers of a container backend, and this obuilder builds in virtual machines. ` +
        "The one kind that is supported is qemu: write --store=qemu:DIR.",
    );
  },
);
