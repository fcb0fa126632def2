import type { Parameters } from "./parameters.ts";
import { Random, weighted, zipf } from "./random.ts";

/** A step of a stage, and the layer that it makes. */
export interface Layer {
  readonly id: number;
  /** The layer that it is based on; undefined for the first on a base. */
  readonly parent: Layer | undefined;
  /** How long the step takes, in seconds, without that of its virtual machine. */
  readonly seconds: number;
  /** The compressed size. */
  readonly bytes: number;
}

export interface Stage {
  readonly pool: number;
  readonly base: number;
  /** From the base upwards. */
  readonly layers: readonly Layer[];
  /** The indices of the stages that it copies from. */
  readonly copiesFrom: readonly number[];
}

export interface Build {
  readonly client: number;
  /** When it is submitted, in seconds. */
  readonly arrival: number;
  readonly stages: readonly Stage[];
}

export interface Workload {
  readonly pools: number;
  readonly layers: readonly Layer[];
  /** In the order of their arrival. */
  readonly builds: readonly Build[];
}

/** Layers by what they are made of: those of equal inputs are one. */
export class Layers {
  readonly all: Layer[] = [];
  readonly #byKey = new Map<string, Layer>();

  /** The layers of a part of a chain, on `parent`. */
  grow(parent: Layer | undefined, key: string, { count, draw }: Growth): readonly Layer[] {
    const grown: Layer[] = [];
    for (let step = 0; step < count; step++) {
      const name = `${key}/${step}`;
      let layer = this.#byKey.get(name);
      if (!layer) {
        layer = { id: this.all.length, parent: grown.at(-1) ?? parent, ...draw() };
        this.#byKey.set(name, layer);
        this.all.push(layer);
      }
      grown.push(layer);
    }
    return grown;
  }
}

interface Growth {
  readonly count: number;
  readonly draw: () => Pick<Layer, "seconds" | "bytes">;
}

interface Project {
  readonly name: number;
  readonly pool: number;
  readonly base: number;
  readonly stack: number;
  readonly hasSideStage: boolean;
  revision: number;
}

/**
 * Builds of projects of different popularity. The chains of projects on one stack begin alike, those of one project share more,
 * and a revision has layers of its own, unless it is built again.
 */
export function makeWorkload(
  parameters: Parameters,
  {
    builds: count,
    workers,
    seed,
  }: { readonly builds: number; readonly workers: number; readonly seed: number },
): Workload {
  const { workload, pools, workers: machines } = parameters;
  const random = new Random(seed);
  const layers = new Layers();
  const projects = makeProjects(
    parameters,
    Math.max(4, Math.round(count / workload.buildsPerProject)),
    random,
  );
  const drawProject = zipf(projects.length, workload.zipf, random);
  const drawClient = zipf(
    Math.max(4, Math.round(workers * workload.clientsPerWorker)),
    workload.zipf,
    random,
  );
  const builds: { client: number; group: number; stages: readonly Stage[] }[] = [];
  let groups = 0;
  while (builds.length < count) {
    const client = drawClient();
    const size = random.uniform() < workload.burstShare / workload.burstBuilds ? workload.burstBuilds : 1;
    for (let index = 0; index < size && builds.length < count; index++) {
      const project = projects[drawProject()];
      if (!project) continue;
      if (project.revision < 0 || random.uniform() >= workload.repeatShare) project.revision++;
      builds.push({ client, group: groups, stages: stagesOf(project, { layers, parameters, random }) });
    }
    groups++;
  }
  const work = layers.all.reduce((sum, { seconds }) => sum + seconds + parameters.vm.reuse, 0);
  const span = work / (workers * machines.slots * workload.load);
  const times = Array.from({ length: groups }, () => random.uniform() * span).toSorted((a, b) => a - b);
  return {
    pools: Object.keys(pools).length,
    layers: layers.all,
    builds: builds.map(({ client, group, stages }) => ({ client, arrival: times[group] ?? 0, stages })),
  };
}

function makeProjects({ workload, pools }: Parameters, count: number, random: Random): readonly Project[] {
  const drawPool = weighted(Object.values(pools), random);
  const drawBase = zipf(workload.basesPerPool, workload.zipf, random);
  const drawStack = zipf(workload.stacksPerBase, workload.zipf, random);
  const poolCount = Object.keys(pools).length;
  return Array.from({ length: count }, (_, name) => {
    // Each pool has a project, also in small workloads.
    const pool = name < poolCount ? name : drawPool();
    return {
      name,
      pool,
      base: pool * workload.basesPerPool + drawBase(),
      stack: drawStack(),
      hasSideStage: random.uniform() < workload.sideStageShare,
      revision: -1,
    };
  });
}

function stagesOf(
  { name, pool, base, stack, hasSideStage, revision }: Project,
  {
    layers,
    parameters: { workload },
    random,
  }: { readonly layers: Layers; readonly parameters: Parameters; readonly random: Random },
): readonly Stage[] {
  const draw = () => ({
    seconds: Math.min(workload.stepLongest, random.logNormal(workload.stepMedian, workload.stepSigma)),
    bytes: random.logNormal(workload.layerMedianBytes, workload.layerSigma),
  });
  const stage = (part: string, copiesFrom: readonly number[]): Stage => {
    const common = layers.grow(undefined, `${base}-${stack}`, { count: workload.stackLayers, draw });
    const own = layers.grow(common.at(-1), `p${name}${part}`, { count: workload.projectLayers, draw });
    const key = `p${name}${part}r${revision}`;
    const changed = layers.grow(own.at(-1), key, { count: workload.revisionLayers, draw });
    return { pool, base, layers: [...common, ...own, ...changed], copiesFrom };
  };
  return hasSideStage ? [stage("side", []), stage("", [0])] : [stage("", [])];
}
