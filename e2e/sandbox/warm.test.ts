import { run, type LayerId, layerId, type ObEvent, sha256 } from "@ob/core";
import { rm } from "node:fs/promises";
import path from "node:path";
import { expect, it, vi } from "vitest";
import { machinesOf, openHarness, openRaw, runTask } from "./harness.ts";

const base: LayerId = layerId(sha256("the default image"));
const command = "cat /proc/sys/kernel/random/uuid; date +%s; [ -e left ] && echo 1 || echo 0; echo x > left";

it(
  "a first step starts in a VM that was kept ready, which no step has used, and which is the same as another one",
  { timeout: 400_000 },
  async () => {
    const events: ObEvent[] = [];
    const texts = (): readonly string[] =>
      events.flatMap((event) => (event.type === "log" ? [event.text] : []));
    const ready = async (count: number): Promise<void> => {
      const isReady = (): boolean => texts().filter((text) => text === "a VM is kept ready").length === count;
      await vi.waitUntil(isReady, { timeout: 200_000 });
    };
    const size = "21G";
    const createDisk = async (): Promise<string> => await harness.createDisk();
    await using harness = await openHarness({
      diskDirectories: [path.resolve(import.meta.dirname, "../../.obuilder/e2e")],
      emit: (event) => void events.push(event),
      warmVms: {
        count: 1,
        limit: 2,
        createDisk: async (layer) => {
          const disk = await createDisk();
          return { layer, disk, [Symbol.asyncDispose]: async () => await rm(disk) };
        },
      },
    });
    const { sandbox } = harness;
    const step = async (disk: string, session = sandbox.openSession(), keepVm = false) => {
      const chunks: Uint8Array[] = [];
      const said: string[] = [];
      const before = Math.floor(Date.now() / 1000);
      await session.run(
        { layer: layerId(sha256(disk)), base, disk, image: harness.image, task: runTask(command), keepVm },
        {
          onOutput: (bytes) => void chunks.push(bytes),
          emit: (event) => void (event.type === "log" && said.push(event.text)),
        },
      );
      if (!keepVm) await session[Symbol.asyncDispose]();
      const [uuid, time, left] = Buffer.concat(chunks).toString().trim().split("\n");
      expect(Number(time)).toBeGreaterThanOrEqual(before);
      expect(Number(time)).toBeLessThanOrEqual(Math.ceil(Date.now() / 1000));
      return { uuid, left, said: said.filter((text) => !/^(?:SSH answered|QEMU)/.test(text)) };
    };
    // A step may have a larger disk than its layer.
    const larger = async (): Promise<string> => {
      const disk = await createDisk();
      await run(["qemu-img", "resize", "-q", disk, size]);
      return disk;
    };

    const cold = await step(await larger());
    expect(cold.said.join("\n")).not.toContain("kept ready");
    await ready(1);
    // It stands still and has no disk of its own.
    expect(await machinesOf(harness.stateDirectory)).toHaveLength(1);

    const disks = [await larger(), await larger()];
    const session = sandbox.openSession();
    const first = await step(disks[0] ?? "", session, true);
    expect(first.said).toContain("Using a VM that was kept ready.");
    const child = await harness.createDisk(disks[0]);
    const next = await step(child, session);
    expect(next.said).toContain("Reusing the VM of the previous step.");
    await ready(2);
    const second = await step(disks[1] ?? "");
    expect(second.said).toContain("Using a VM that was kept ready.");

    // Each has its own random numbers, and only the step after another one sees what that has left.
    const all = [cold, first, next, second];
    expect(new Set(all.map(({ uuid }) => uuid)).size).toBe(all.length);
    expect(all.map(({ left }) => left)).toEqual(["0", "0", "1", "0"]);
    for (const disk of [...disks, child]) {
      await using raw = await openRaw(disk);
      await raw.check();
    }

    await ready(3);
    // One that has died, or that is for another layer, is of no use: the step starts another.
    for (const pid of await machinesOf(harness.stateDirectory)) process.kill(pid, "SIGKILL");
    const after = await step(await larger());
    expect(after.said).not.toContain("Using a VM that was kept ready.");
    await sandbox.endWarmVms();
    expect(await machinesOf(harness.stateDirectory)).toEqual([]);
  },
);
