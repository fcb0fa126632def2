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

it("says what to write instead", () => {
  expect(refusal(undefined)).toContain("Add --store=qemu:DIR, or set OBUILDER_STORE=qemu:DIR.");
  expect(refusal("/var/cache/x")).toContain("Write --store=qemu:/var/cache/x");
  expect(refusal("store")).toContain("Write --store=qemu:store");
  expect(refusal("qemu:")).toContain("The store qemu: has no directory.");
  expect(refusal("qmeu:/s")).toContain(
    'Unknown kind of store: "qmeu". The supported kind is qemu: write --store=qemu:/s',
  );
});

it.each(["docker:x", "btrfs:/x", "zfs:tank", "rsync:/x", "xfs:/x", "overlayfs:/x", "hcs:x"])(
  "%s belongs to another backend of the original",
  (store) => {
    const kind = store.slice(0, store.indexOf(":"));
    expect(refusal(store)).toBe(
      `A ${kind} store belongs to a container backend; this obuilder builds in virtual machines. ` +
        "The supported kind is qemu: write --store=qemu:DIR.",
    );
  },
);
