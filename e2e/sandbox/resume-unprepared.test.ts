import type { GuestImage } from "@ob/core";
import { expect, it } from "vitest";
import { type Harness, openHarness, runTask } from "./harness.ts";
import { startOf, unpreparedImage } from "./unprepared.ts";

/** Prints what a guest has drawn at random, its clock, and whether its kernel knows of the resume. */
const chance = [
  "cat /proc/sys/kernel/random/uuid",
  "head -c 16 /dev/urandom | od -An -tx1",
  "ssh-keygen -q -t ed25519 -N '' -f key && ssh-keygen -l -f key",
  "mktemp -u",
  "date +%s",
  "sudo dmesg | grep -c 'virtual machine fork' || true",
].join("; ");

async function draw(bench: Harness, image: GuestImage) {
  const before = Date.now() / 1000;
  const { output, events } = await bench.runStep(await bench.createDisk(), runTask(chance), { image });
  const [uuid, bytes, key, name, time, forks] = output.trim().split("\n");
  expect(Number(time)).toBeGreaterThan(before - 2);
  expect(Number(time)).toBeLessThan(Date.now() / 1000 + 2);
  expect(forks).toBe("0");
  return { start: startOf(events), drawn: [uuid, bytes, key, name] };
}

it("resumes a guest that has nothing of ours, not even a VM generation id, with random numbers of its own and the right time", async () => {
  await using bench = await openHarness();
  const image = unpreparedImage(bench);
  const all = [await draw(bench, image), await draw(bench, image), await draw(bench, image)];
  expect(all.map(({ start }) => start)).toEqual([
    "booted",
    "resumed from snapshot (ready)",
    "resumed from snapshot (ready)",
  ]);
  const drawn = all.flatMap((each) => each.drawn);
  expect(new Set(drawn).size).toBe(12);
});
