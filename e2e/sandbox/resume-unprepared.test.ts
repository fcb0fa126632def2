import { type GuestImage, layerId, type ObEvent, sha256 } from "@ob/core";
import { createSandbox, type GuestProfile } from "@ob/sandbox-qemu";
import { expect, it } from "vitest";
import { linuxGuest } from "../../packages/sandbox-qemu/src/guest/linux/profile.ts";
import { type Harness, openHarness, runTask } from "./harness.ts";

/** Prints what a guest has drawn at random, its clock, and whether its kernel knows of the resume. */
const chance = [
  "cat /proc/sys/kernel/random/uuid",
  "head -c 16 /dev/urandom | od -An -tx1",
  "ssh-keygen -q -t ed25519 -N '' -f key && ssh-keygen -l -f key",
  "mktemp -u",
  "date +%s",
  "sudo dmesg | grep -c 'virtual machine fork' || true",
].join("; ");

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

/** How the VM of a step was started. */
function startOf(events: readonly ObEvent[]): string {
  const texts = events.flatMap((event) => (event.type === "log" ? [event.text] : []));
  return texts.find((text) => /^(?:booted|resumed from snapshot)/.test(text))?.replace(/,.*/, "") ?? "";
}

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
  const { manifest, manifestDirectory } = bench.image;
  if (!manifest?.directBoot) throw new TypeError("the image has no kernel");
  const { readyMarker: _marker, directBoot, ...rest } = manifest;
  const commandLine = `${directBoot.commandLine} initcall_blacklist=vmgenid_driver_init`;
  const image: GuestImage = {
    manifest: { ...rest, directBoot: { ...directBoot, commandLine }, snapshotPoints: ["ready"] },
    manifestDirectory,
  };
  const all = [await draw(bench, image), await draw(bench, image), await draw(bench, image)];
  expect(all.map(({ start }) => start)).toEqual([
    "booted",
    "resumed from snapshot (ready)",
    "resumed from snapshot (ready)",
  ]);
  const drawn = all.flatMap((each) => each.drawn);
  expect(new Set(drawn).size).toBe(12);

  const events: ObEvent[] = [];
  await using other = await createSandbox({ ...bench.options, profiles: { linux: withoutSeed } });
  const step = { layer: layerId(sha256("other")), disk: await bench.createDisk(), image };
  await other.run({ ...step, task: runTask("true") }, { emit: (event) => void events.push(event) });
  expect(startOf(events)).toBe("booted");
  expect(JSON.stringify(events)).toContain(
    "The guest could not renew its random numbers and set its clock: no perl",
  );
});
