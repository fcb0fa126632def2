import { stageOf } from "./specs.ts";
import type { Figure } from "./figures.ts";
import type { VmCluster } from "./vm-cluster.ts";

/** Each chain is wanted by two clients. */
const shape = { chains: 4, steps: 5, seconds: 2 };

/** Overlapping builds on two workers: how long they take, whether each layer is made once, and what moves. */
export async function measureMakespan(cluster: VmCluster): Promise<readonly Figure[]> {
  // Each worker has a VM snapshot then, as one that has run for some hours.
  for (const round of ["a", "b"])
    await buildAll(
      cluster,
      [`${round}0`, `${round}1`].map((name) => warmUp(name)),
    );
  const alone: number[] = [];
  for (let turn = 0; turn < 2; turn++) {
    const { seconds } = await buildAll(cluster, [chain(`alone-${turn}`)]);
    alone.push(seconds);
  }
  const before = cluster.log.events.length;
  const traffic = await cluster.traffic(0, 1);
  const specs = Array.from({ length: shape.chains }, (_, index) => chain(`x${index}`));
  const { seconds } = await buildAll(cluster, [...specs, ...specs]);
  const moved = (await cluster.traffic(0, 1)) - traffic;
  const saved = cluster.stepsOf("saved", before);
  const layers = shape.chains * shape.steps;
  const bound = (shape.chains * Math.min(...alone)) / 2;
  const starts = cluster.log.events.slice(before).filter(({ event }) => event === "vm-started");
  return [
    { title: "a chain of 5 steps of 2 s on an idle cluster", samples: alone, unit: "s" },
    {
      title: "4 such chains, each wanted by two clients: the bound of two workers",
      samples: [bound],
      unit: "s",
    },
    { title: "4 such chains: makespan", samples: [seconds], unit: "s" },
    { title: "makespan / bound", samples: [seconds / bound], unit: "", aim: { kind: "at most", limit: 1.5 } },
    {
      title: `of ${layers} layers, made`,
      samples: [new Set(saved.map(({ step }) => step)).size],
      unit: "",
      aim: { kind: "exactly", limit: layers },
    },
    {
      title: "layers made more than once",
      samples: [saved.length - new Set(saved.map(({ step }) => step)).size],
      unit: "",
      aim: { kind: "exactly", limit: 0 },
    },
    {
      title: "VMs started for a chain, besides the one",
      samples: [starts.filter(({ start }) => start !== "reuse").length - shape.chains],
      unit: "",
    },
    { title: "bytes moved a layer, over the workers' networks", samples: [moved / layers / 1e3], unit: "KB" },
  ];
}

function warmUp(name: string): string {
  return stageOf([`true ${name}`]);
}

function chain(name: string): string {
  const commands = Array.from(
    { length: shape.steps },
    (_, step) => `sleep ${shape.seconds}; echo ${name}-${step} >>/var/tmp/made`,
  );
  return stageOf(commands);
}

/** @returns how long it took from the first build's acceptance to the last one's end. */
async function buildAll(cluster: VmCluster, specs: readonly string[]): Promise<{ readonly seconds: number }> {
  const builds = await Promise.all(
    specs.map(async (spec, index) => await cluster.submit(spec, `c${index % 4}`)),
  );
  await cluster.finished(builds);
  const times = (name: string) =>
    cluster.log.events.flatMap(({ event, build = "", at }) =>
      event === name && builds.includes(build) ? [at] : [],
    );
  return { seconds: (Math.max(...times("build-ended")) - Math.min(...times("build-started"))) / 1_000 };
}
