import { execa } from "execa";
import { repeat, type Scenario, timed } from "../bench.ts";
import { binary } from "../obuilder.ts";
import { syntheticStore } from "../synthetic-store.ts";

/** The cost of the command if everything is cached, compared to the start of Node.js. */
export const plan: Scenario = {
  name: "plan",
  title: "100 cached steps, relative to node -e 0",
  async run(bench) {
    const { store, spec } = await syntheticStore(bench, { chain: 100 });
    const words = [`--store=qemu:${store}`, "-f", spec, bench.directory];
    const ten = await syntheticStore(bench, { chain: 10 });
    const commands = {
      "node -e 0": ["-e", "0"],
      "--help": [binary, "--help"],
      "build of 10 cached steps": [
        binary,
        "build",
        `--store=qemu:${ten.store}`,
        "-f",
        ten.spec,
        bench.directory,
      ],
      "plan of 100 cached steps": [binary, "plan", ...words],
      "build of 100 cached steps": [binary, "build", ...words],
    };
    const run = (args: readonly string[]) => execa(process.execPath, args, { stdin: "ignore" });
    // The first run compiles the code and caches it.
    for (const args of Object.values(commands)) for (let time = 0; time < 2; time++) await run(args);
    await repeat(bench.quick ? 10 : 30, async () => {
      for (const [name, args] of Object.entries(commands))
        bench.results.add(name, await timed(() => run(args)));
    });
  },
};
