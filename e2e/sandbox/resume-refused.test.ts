import { layerId, type ObEvent, sha256 } from "@ob/core";
import { createSandbox, type GuestProfile } from "@ob/sandbox-qemu";
import { expect, it } from "vitest";
import { linuxGuest } from "../../packages/sandbox-qemu/src/guest/linux/profile.ts";
import { openHarness, runTask } from "./harness.ts";
import { startOf, unpreparedImage } from "./unprepared.ts";

/** A guest that does not take its seed. */
const withoutSeed = (loginUser: string): GuestProfile => {
  const { resumedWithSeed, ...profile } = linuxGuest(loginUser);
  const fails = "echo 'no perl' >&2; exit 125";
  return {
    ...profile,
    resumedWithSeed: (now, seed) => {
      const command = resumedWithSeed?.(now, seed);
      if (!command) throw new TypeError("Linux guests are resumed");
      return { ...command, command: fails, script: fails, framed: undefined };
    },
  };
};

it("boots a guest whose random numbers cannot be renewed after a resume, and says so", async () => {
  await using bench = await openHarness();
  const image = unpreparedImage(bench);
  const first = await bench.runStep(await bench.createDisk(), runTask("true"), { image });
  expect(JSON.stringify(first.events)).toContain("took a VM snapshot (ready)");

  const events: ObEvent[] = [];
  await using other = await createSandbox({ ...bench.options, profiles: { linux: withoutSeed } });
  const step = { layer: layerId(sha256("other")), disk: await bench.createDisk(), image };
  await other.run({ ...step, task: runTask("true") }, { emit: (event) => void events.push(event) });
  expect(startOf(events)).toBe("booted");
  expect(JSON.stringify(events)).toContain(
    "snapshot restore failed; trying the next start method: The guest could not renew its random numbers and set its clock: no perl",
  );
});
