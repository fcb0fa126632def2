import type { FirstStepStart, FurtherStepStart } from "@ob/core";
import { expect, it } from "vitest";
import { describeSpeed } from "./image-speed.ts";

const reused: FurtherStepStart = { kind: "reused" };
const resumed: FirstStepStart = {
  kind: "resumed",
  points: ["initrd", "ready"],
  reseededBy: "vm-generation-id",
};

it("has no advice for an image with all that there is", () => {
  expect(describeSpeed({ first: resumed, further: reused, possiblePoints: [] })).toEqual({
    first:
      "a first step resumes a snapshot of a VM, taken in the initrd, and when it is ready; " +
      "its kernel renews its random numbers by the VM generation id",
    further: "a further step runs in the VM of the one before",
    more: [],
  });
});

it.each([
  [{ kind: "booted", why: "random-numbers" }, reused, /perl or python3/],
  [{ kind: "booted", why: "machine" }, reused, /virtio disks on a machine that can be resumed/],
  [resumed, { kind: "started", why: "machine" }, /a VM can serve several steps/],
  [resumed, { kind: "on-request" }, /--vm-reuse=always/],
] as const)("says what would make %j with %j quicker", (first, further, advice) => {
  const { more } = describeSpeed({ first, further, possiblePoints: [] });
  expect(more).toEqual([expect.stringMatching(advice)]);
});

it("says what the manifest of an image lacks", () => {
  const first = { kind: "booted", why: "not-listed" } as const;
  const { more } = describeSpeed({ first, further: reused, possiblePoints: ["ready"] });
  expect(more).toEqual([expect.stringContaining('"snapshotPoints": ["ready"]')]);
});
