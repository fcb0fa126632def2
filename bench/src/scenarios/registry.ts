import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { layerId, run as runProgram, sha256 } from "@ob/core";
import { contentOf, type DiskFile, openRegistry, type Registry } from "@ob/registry";
import { hasDockerRegistry, startDockerRegistry } from "@ob/registry/testing";
import { type Bench, repeat, type Scenario, timed } from "../bench.ts";

const baseBytes = 53_500_000;
/** As an overlay of a small step is: most of it is holes, some of it compresses well. */
const overlay = { bytes: 688 << 10, data: 233 << 10, dense: 5 << 10 };
const [layers, chainLength] = [49, 14];

/** A chain of a base and 48 overlays, pushed to and pulled from a `docker-registry` on the loopback. */
export const registry: Scenario = {
  name: "registry",
  title: "49 layers pushed to a registry on this machine, and a chain of 14 pulled",
  async run(bench) {
    if (!(await hasDockerRegistry())) {
      bench.say("Debian's package docker-registry is not installed: nothing is measured.");
      return;
    }
    const chain = await makeChain(bench);
    await repeat(bench.quick ? 1 : 5, async (turn) => {
      await using server = await startDockerRegistry();
      await using client = openRegistry({ ref: `${server.host}/bench`, credentials: { kind: "anonymous" } });
      await measurePush(bench, { client, chain });
      await measurePull(bench, { client, chain, turn });
    });
  },
};

interface Measured {
  readonly client: Registry;
  readonly chain: readonly DiskFile[];
}

async function measurePush({ results }: Bench, { client, chain }: Measured): Promise<void> {
  const push = async (): Promise<void> => {
    for (const [index, { id }] of chain.entries()) {
      await client.pushLayer({ id, chain: chain.slice(0, index + 1) });
    }
  };
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  results.add("registry: push of 49 layers", await timed(push));
  delay.disable();
  results.add("registry: longest pause of the event loop", delay.max / 1e6);
  results.add("registry: push of the same again", await timed(push));
  const head = async (): Promise<void> => {
    const top = await client.findLayer(chain.at(-1)?.id ?? layerId(""));
    for (const { blob } of top?.chain ?? []) await client.hasBlob(blob);
  };
  results.add("registry: 49 blobs looked for", await timed(head));
}

async function measurePull(
  { results, directory }: Bench,
  { client, chain, turn }: Measured & { readonly turn: number },
): Promise<void> {
  const target = (name: string): string => path.join(directory, `${name}-${turn}`);
  const id = chain[chainLength - 1]?.id ?? layerId("");
  const find = async (): Promise<void> => void (await client.findLayer(id));
  results.add("registry: look-up", await timed(find));
  const layer = await client.findLayer(id);
  if (!layer) throw new Error("The layer is not there.");
  const pull = async (disk: (_: unknown, index: number) => string | undefined): Promise<void> => {
    if (!(await client.pullLayer(layer, { disk }))) throw new Error("A blob is not there.");
  };
  const whole = await timed(() => pull((_, index) => target(`pulled-${index}`)));
  results.add("registry: pull of a chain of 14", whole);
  const top = (_: unknown, index: number) => (index === chainLength - 1 ? target("top") : undefined);
  results.add("registry: pull of its last disk", await timed(() => pull(top)));
  const files = chain.slice(0, chainLength).map(({ file }) => file);
  await mkdir(target("copies"));
  const copy = await timed(() => runProgram(["cp", "--sparse=always", ...files, target("copies")]));
  results.add("registry: cp of a chain of 14", copy);
  for (const [index, { content }] of chain.slice(0, chainLength).entries()) {
    const pulled = await contentOf(target(`pulled-${index}`));
    if (pulled.digest !== content?.digest) throw new Error(`Disk ${index} was pulled wrong.`);
  }
}

async function makeChain({ directory }: Bench): Promise<readonly DiskFile[]> {
  const { bytes, data, dense } = overlay;
  const disks = Array.from({ length: layers }, async (_, index) => {
    const file = path.join(directory, `disk-${index}`);
    const text = Buffer.from("a line of a file that a step has written\n".repeat(data / 40)).subarray(
      0,
      data - dense,
    );
    const step = Buffer.concat([noise(dense, index), text, Buffer.alloc(bytes - data)]);
    await writeFile(file, index === 0 ? noise(baseBytes, 0) : step);
    return { id: layerId(sha256(file)), file, content: await contentOf(file) };
  });
  return await Promise.all(disks);
}

/** Bytes that do not compress, the same for the same seed. */
function noise(length: number, seed: number): Buffer {
  return createHash("shake256", { outputLength: length }).update(String(seed)).digest();
}
