import { digest, type TransferProgress } from "@ob/registry";
import { expect, test } from "vitest";
import { countTransfers } from "./count-transfers.ts";

test("bytes are counted once, and again only when they are moved again", () => {
  const moved = { push: 0, pull: 0 };
  const count = countTransfers((direction, bytes) => (moved[direction] += bytes));
  const blobs = { a: digest(`sha256:${"a".repeat(64)}`), b: digest(`sha256:${"b".repeat(64)}`) };
  const report = (direction: TransferProgress["direction"], blob: "a" | "b", bytes: number) =>
    count({ direction, digest: blobs[blob], bytes, total: 100 });
  report("push", "a", 40);
  report("pull", "a", 30);
  report("push", "b", 10);
  report("push", "a", 100);
  expect(moved).toEqual({ push: 110, pull: 30 });
  // An upload that starts anew, and a blob that is moved a second time.
  for (const bytes of [0, 50, 100]) report("push", "b", bytes);
  report("push", "a", 100);
  expect(moved).toEqual({ push: 310, pull: 30 });
});
