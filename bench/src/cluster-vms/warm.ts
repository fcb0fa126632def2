import type { Figure } from "./figures.ts";
import { stageOf } from "./specs.ts";
import type { VmCluster, Worker } from "./vm-cluster.ts";

/** The first step of a chain from a VM that the worker has kept ready, and from one that is booted. */
export async function measureWarm(
  cluster: VmCluster,
  { index, store, rounds }: Pick<Worker, "index" | "store"> & { readonly rounds: number },
): Promise<readonly Figure[]> {
  const times: Record<string, number[]> = { boot: [], warm: [] };
  for (let turn = 0; turn < 2; turn++) {
    // Without snapshots, so that the first step of the worker boots.
    const flags = ["--warm=1", "--snapshot-cache-size=0"];
    const worker = await cluster.startWorker(index, { store, flags });
    for (let round = 0; round < rounds; round++) {
      const start = cluster.log.events.length;
      await cluster.finished([await cluster.submit(stageOf([`true ${turn}-${round}`]))]);
      const events = cluster.log.events.slice(start);
      const begun = events.find(({ event }) => event === "vm-started");
      const saved = events.find(({ event, step }) => event === "step-finished" && step === begun?.step);
      times[begun?.start ?? ""]?.push((saved?.milliseconds ?? Number.NaN) / 1_000);
      await cluster.log.next(({ text }) => text === "a VM is kept ready", {
        start,
        signal: cluster.deadline,
      });
    }
    await cluster.stopWorker(worker, "SIGTERM");
  }
  const { boot = [], warm = [] } = times;
  if (boot.length === 0 || warm.length !== 2 * (rounds - 1))
    throw new Error(`${warm.length} steps were in a VM that was kept ready`);
  const ratios = warm.map((each) => each / Math.min(...boot));
  return [
    { title: "`--warm 1`: first step of a chain, booted", samples: boot, unit: "s" },
    { title: "first step of a chain in a VM that was kept ready", samples: warm, unit: "s" },
    { title: "kept ready / booted", samples: ratios, unit: "", aim: { kind: "at most", limit: 0.08 } },
  ];
}
