import { rm } from "node:fs/promises";
import path from "node:path";
import { repeat, type Scenario, timed } from "../bench.ts";
import { untilReady, bareArgv, banner, overlay, sshTar, startQemu } from "../guest.ts";
import { build, coldFlags, newSteps, specOf } from "../obuilder.ts";
import { imageName, keyOf, newStore, newTree, type TreeOptions } from "../fixtures.ts";

const trees: Readonly<Record<string, TreeOptions>> = {
  "1,000 small files": { files: 1_000, size: 2_000 },
  "200 MB": { files: 2_000, size: 100_000 },
};

/** A copy step, minus a step without work, compared to `ssh tar -x` of the same files into such a guest. */
export const copy: Scenario = {
  name: "copy",
  title: "Copying 1,000 small files and 200 MB, against ssh and tar",
  async run(bench) {
    const { results } = bench;
    const store = await newStore(bench);
    const flags = await coldFlags();
    const image = path.join(bench.imageStore, "base-image", `${imageName}.qcow2`);
    const { qemu } = await build(bench, { store, flags, spec: specOf(newSteps(1)) });
    const argv = qemu[0] ?? [];
    await repeat(bench.quick ? 1 : 3, async (turn) => {
      for (const [name, options] of Object.entries(trees)) {
        const source = await newTree(bench, options);
        const idle = (await build(bench, { store, flags, spec: specOf(newSteps(1)) })).milliseconds;
        const run = await build(bench, {
          store,
          flags,
          source,
          spec: specOf("(copy (src .) (dst /srv/copied/))"),
        });
        results.add(`copy: ${name}`, Math.max(1, run.milliseconds - idle));
        results.add(`copy step: ${name}`, run.milliseconds);
        results.add(`memory: copy of ${name}`, run.peakMemory);
        results.addTimeline(`copy of ${name}, cold`, run.steps[0]?.parts ?? []);

        const disk = path.join(bench.directory, `copy-${turn}-${options.files}.qcow2`);
        await overlay(disk, image);
        await using guest = await startQemu((port) => bareArgv(argv, { disk, port }));
        await untilReady(guest);
        await banner(guest);
        const login = { port: guest.port, key: keyOf(bench.imageStore) };
        results.add(`ssh tar: ${name}`, await timed(() => sshTar(login, source, "/srv/copied")));
        await rm(source, { recursive: true });
      }
    });
  },
};
