import { mkdir, readdir } from "node:fs/promises";
import path from "node:path";
import { run } from "@ob/core";
import type { Figure } from "./figures.ts";
import { stageOf } from "./specs.ts";
import { type VmCluster, type Worker } from "./vm-cluster.ts";

/** How many layers the chains have that are pulled. */
const length = 13;

/** A worker with an empty store takes over where others have built: it pulls a chain with its base, then one without. */
export async function measurePull(
  cluster: VmCluster,
  makers: readonly Worker[],
  empty: { readonly index: number; readonly store: string },
): Promise<readonly Figure[]> {
  const chains = ["p", "q"].map((name) =>
    Array.from({ length }, (_, step) => `echo ${name}-${step} >>/var/tmp/made; sync`),
  );
  await cluster.finished(
    await Promise.all(chains.map(async (commands) => await cluster.submit(stageOf(commands)))),
  );
  for (const maker of makers) await cluster.stopWorker(maker, "SIGTERM");
  await mkdir(empty.store, { mode: 0o700 });
  const puller = await cluster.startWorker(empty.index, { store: empty.store });
  const rows: { readonly seconds: number; readonly moved: number; readonly same: number }[] = [];
  for (const commands of chains) {
    const before = await cluster.traffic(empty.index);
    const start = cluster.log.events.length;
    const build = await cluster.submit(stageOf([...commands, "true"]));
    await cluster.finished([build]);
    const events = cluster.log.events.slice(start);
    const [chainStarted, step] = [
      events.find(({ event }) => event === "chain-started"),
      events.find(({ event }) => event === "vm-started"),
    ];
    const moved = (await cluster.traffic(empty.index)) - before;
    const seconds = ((step?.at ?? Number.NaN) - (chainStarted?.at ?? 0)) / 1_000;
    rows.push({ seconds, moved, same: await identical(puller, makers) });
  }
  await cluster.stopWorker(puller, "SIGTERM");
  const [first, second] = rows;
  if (!first || !second) throw new Error("two chains were pulled");
  return [
    {
      title: `an empty worker pulls a base image and ${length} layers: until its VM is started`,
      samples: [first.seconds],
      unit: "s",
    },
    { title: "bytes over its network", samples: [first.moved / 1e6], unit: "MB" },
    {
      title: `${length} more layers, with the base there: until its VM is started`,
      samples: [second.seconds],
      unit: "s",
    },
    {
      title: "bytes over its network, with the base there",
      samples: [second.moved / 1e6],
      unit: "MB",
      aim: { kind: "at most", limit: 5 },
    },
    {
      title: `disks of ${2 * length + 1} layers that are identical by qemu-img compare`,
      samples: [second.same],
      unit: "",
      aim: { kind: "exactly", limit: 2 * length + 1 },
    },
  ];
}

/** How many layers of a worker are those of the makers, byte for byte. @throws Error if one is another. */
async function identical(puller: Worker, makers: readonly Worker[]): Promise<number> {
  let same = 0;
  for (const id of await readdir(path.join(puller.store, "result"))) {
    for (const maker of makers) {
      const ids = await readdir(path.join(maker.store, "result"));
      if (!ids.includes(id)) continue;
      const [a, b] = [puller, maker].map(({ store }) => path.join(store, "result", id, "rootfs/image.qcow2"));
      await run(["qemu-img", "compare", "-f", "qcow2", "-F", "qcow2", a ?? "", b ?? ""]);
      same++;
      break;
    }
  }
  return same;
}
