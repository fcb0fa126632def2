import { expect, it } from "vitest";
import { linuxGuest } from "../guest/linux/profile.ts";
import { openbsdGuest } from "../guest/openbsd/profile.ts";
import { usableSnapshotPoints } from "./snapshot-points.ts";

const linux = linuxGuest("opam");
const listed = { snapshotPoints: ["ready"] } as const;

it("takes snapshots of a guest that reports that it was reseeded, and of one that takes a seed", () => {
  expect(usableSnapshotPoints({ ...listed, readyMarker: true }, linux)).toEqual(["ready"]);
  expect(usableSnapshotPoints({ ...listed, readyMarker: false }, linux)).toEqual(["ready"]);
});

it("takes none of a guest that can do neither", () => {
  const unseeded = { ...linux, resumedWithSeed: undefined };
  expect(usableSnapshotPoints({ ...listed, readyMarker: false }, unseeded)).toEqual([]);
  for (const readyMarker of [true, false])
    expect(usableSnapshotPoints({ ...listed, readyMarker }, openbsdGuest("opam"))).toEqual([]);
});
