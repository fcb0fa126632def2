import { execa } from "execa";
import { repeat, type Scenario, timed } from "../bench.ts";
import { binary } from "../obuilder.ts";
import { syntheticStore } from "../synthetic-store.ts";

/** The same commands in a store with few layers and in one with many. */
export const layers: Scenario = {
  name: "layers",
  title: "A store of 10 layers and one of 10,000",
  async run(bench) {
    const { results } = bench;
    const counts = [10, 10_000];
    const stores: { count: number; store: string; spec: string }[] = [];
    for (const count of counts)
      stores.push({ count, ...(await syntheticStore(bench, { chain: 2, layers: count })) });
    const run = (...args: readonly string[]) =>
      execa(process.execPath, [binary, ...args], { stdin: "ignore" });
    await repeat(bench.quick ? 6 : 15, async (turn) => {
      for (const { count, store, spec } of stores) {
        const at = `--store=qemu:${store}`;
        // A build from cache opens the store, sweeps it, and records the uses of layers.
        const start = await timed(() => run("build", at, "-f", spec, bench.directory));
        const plan = await timed(() => run("plan", at, "-f", spec, bench.directory));
        if (turn === 0) continue;
        results.add(`start with ${count} layers`, start);
        results.add(`plan with ${count} layers`, plan);
      }
      if (turn > 4) return;
      for (const { count, store } of stores) {
        results.add(
          `prune of one of ${count}`,
          await timed(() => run("prune", `--store=qemu:${store}`, "--limit=1")),
        );
      }
    });
    const [, many] = stores;
    const all = await timed(() => run("prune", `--store=qemu:${many?.store}`, "--keep=10"));
    results.add("prune of 10000 layers", all);
  },
};
