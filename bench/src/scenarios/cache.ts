import { openCaches } from "@ob/cache";
import { run as runProgram } from "@ob/core";
import { repeat, type Scenario, timed } from "../bench.ts";
import { newStore } from "../fixtures.ts";

const sizes = { "100 MB": "100M", "4 GB": "4G" } as const;

/** A cache with little data and one with much: a step leases each, writes a little data, and releases it. */
export const cache: Scenario = {
  name: "cache",
  title: "A cache acquired and released, with 100 MB and 4 GB in it",
  async run(bench) {
    const directory = await newStore(bench);
    await using caches = await openCaches({ directory });
    const request = (name: string) => ({ name, fileSystem: "ext4", sharing: "shared" }) as const;
    const write = (disk: string, words: string) => runProgram(["qemu-io", "-f", "qcow2", "-c", words, disk]);
    for (const [name, size] of Object.entries(sizes)) {
      await using lease = await caches.acquire(request(name));
      // Large contiguous pieces, away from the file system's metadata at the start.
      const pieces = size === "4G" ? 4 : 1;
      for (let piece = 1; piece <= pieces; piece++) {
        await write(lease.disk, `write -q -P ${piece} ${piece}G ${size === "4G" ? "1G" : size}`);
      }
      await lease.release();
    }
    await repeat(bench.quick ? 5 : 12, async (turn) => {
      for (const name of Object.keys(sizes)) {
        const { promise: lease, resolve } =
          Promise.withResolvers<Awaited<ReturnType<typeof caches.acquire>>>();
        const take = await timed(async () => resolve(await caches.acquire(request(name))));
        const taken = await lease;
        await write(taken.disk, `write -q -P 9 ${turn * 64 + 1024}k 64k`);
        const giveBack = await timed(() => taken.release());
        bench.results.add(`cache: ${name}`, take + giveBack);
      }
    });
  },
};
