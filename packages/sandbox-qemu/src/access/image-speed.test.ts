import type { SnapshotPoint } from "@ob/core";
import { amd64, riscv64 } from "@ob/qemu";
import { expect, it } from "vitest";
import { linuxGuest } from "../guest/linux/profile.ts";
import { openbsdGuest } from "../guest/openbsd/profile.ts";
import type { GuestProfile } from "../guest/profile.ts";
import type { GuestSession } from "../lifecycle/start-guest.ts";
import { capturedState } from "../testing/captured-state.ts";
import { imageSpeed } from "./image-speed.ts";

interface Case {
  readonly profile?: GuestProfile;
  readonly machine?: typeof amd64;
  readonly diskBus?: "sata";
  readonly snapshotPoints?: readonly SnapshotPoint[];
  readonly readyMarker?: boolean;
  /** What the guest says of its seed, if it does not take it. */
  readonly refuses?: string;
  /** What it says of its state. */
  readonly state?: string;
}

async function speedOf({
  profile = linuxGuest("opam"),
  machine = amd64,
  diskBus,
  snapshotPoints = [],
  readyMarker = false,
  refuses,
  state = capturedState,
}: Case) {
  const answer = (input: Uint8Array | undefined) => {
    if (input !== undefined && refuses !== undefined) return { code: 125, stdout: "", stderr: refuses };
    return { code: 0, stdout: input === undefined ? state : "processes: 1\n", stderr: "" };
  };
  const running = {
    ...{ guest: { readyMarker, snapshotPoints }, profile, bootInfo: "" },
    vm: { config: { machine, disks: [], hardware: { diskBus } } },
    session: {},
    shell: {
      isOpen: true,
      run: async (_: string, { input }: { input?: Uint8Array }) => {
        const { code, ...output } = answer(input);
        return { status: { kind: "exited", code }, ...output };
      },
    },
    signal: new AbortController().signal,
  } as unknown as GuestSession;
  return await imageSpeed(running);
}

it("is that of a resumed guest where its snapshot points are listed, and it takes a seed or reports that it was reseeded", async () => {
  const snapshotPoints = ["ready"] as const;
  await expect(speedOf({ snapshotPoints })).resolves.toEqual({
    first: { kind: "resumed", points: ["ready"], reseededBy: "seed" },
    further: { kind: "reused" },
    possiblePoints: [],
  });
  await expect(speedOf({ snapshotPoints, readyMarker: true, refuses: "no perl" })).resolves.toMatchObject({
    first: { kind: "resumed", points: ["ready"], reseededBy: "vm-generation-id" },
  });
  await expect(speedOf({ snapshotPoints: ["initrd"], readyMarker: true })).resolves.toMatchObject({
    first: { kind: "resumed", points: ["initrd"], reseededBy: "initrd" },
  });
});

it("could be that where only the manifest lists none", async () => {
  await expect(speedOf({})).resolves.toMatchObject({
    first: { kind: "booted", why: "not-listed" },
    possiblePoints: ["ready"],
  });
  const marked = await speedOf({ readyMarker: true });
  expect(marked).toMatchObject({ first: { kind: "booted", why: "not-listed" }, possiblePoints: [] });
});

it("is that of a boot where the guest does not take a seed, and on a machine that cannot be resumed", async () => {
  await expect(speedOf({ refuses: "no perl" })).resolves.toMatchObject({
    first: { kind: "booted", why: "random-numbers", detail: expect.stringContaining("no perl") },
    possiblePoints: [],
  });
  await expect(speedOf({ machine: riscv64 })).resolves.toMatchObject({
    first: { kind: "booted", why: "machine" },
    further: { kind: "reused" },
  });
  await expect(speedOf({ diskBus: "sata" })).resolves.toMatchObject({
    first: { kind: "booted", why: "machine" },
    further: { kind: "started", why: "machine" },
  });
});

it("of a further step depends on the state of the guest, or on what the caller asks for", async () => {
  await expect(speedOf({ state: "no: its init is /sbin/init\n" })).resolves.toMatchObject({
    further: { kind: "started", why: "state", detail: "its init is /sbin/init" },
  });
  await expect(speedOf({ profile: openbsdGuest("opam") })).resolves.toMatchObject({
    first: { kind: "booted", why: "guest-os" },
    further: { kind: "on-request" },
  });
});
