import { rm } from "node:fs/promises";
import path from "node:path";
import { type Bench, repeat, type Scenario } from "../bench.ts";
import { sshTar } from "../guest.ts";
import { build, newSteps, specOf } from "../obuilder.ts";
import { imageName, newStore, newTree } from "../fixtures.ts";
import { after, oneStep } from "./original.ts";

/**
 * A build of one step that copies 100 MB, resumed from a snapshot, and the same step by the original's procedure with the
 * CPU model that obuilder chooses.
 */
export const copyOriginal: Scenario = {
  name: "copy-original",
  title: "A copy of 100 MB in 500 files, against the original's procedure",
  async run(bench) {
    const store = await newStore(bench);
    const { qemu } = await build(bench, { store, spec: specOf(newSteps(1)) });
    await build(bench, { store, spec: specOf(newSteps(1)) });
    await repeat(bench.quick ? 1 : 3, async () => {
      const tree = await newTree(bench, { files: 500, size: 200_000 });
      await ours(bench, { store, tree });
      await theirs(bench, { argv: qemu[0] ?? [], tree });
      await rm(tree, { recursive: true });
    });
  },
};

async function ours(bench: Bench, { store, tree }: Readonly<{ store: string; tree: string }>): Promise<void> {
  const spec = specOf("(copy (src .) (dst /home/opam/copied/))");
  const { milliseconds, steps } = await build(bench, { store, source: tree, spec });
  bench.results.add("copy of 100 MB: resumed", milliseconds);
  bench.results.addTimeline("copy of 100 MB, resumed", steps[0]?.parts ?? []);
}

interface Theirs {
  /** An argv of obuilder's, which determines the program, the accelerator and the CPU model. */
  readonly argv: readonly string[];
  readonly tree: string;
}

async function theirs(bench: Bench, { argv, tree }: Theirs): Promise<void> {
  const parts = await oneStep(bench, {
    argv,
    cpu: after(argv, "-cpu"),
    backing: path.join(bench.imageStore, "base-image", `${imageName}.qcow2`),
    disk: path.join(bench.directory, `copy-original-${crypto.randomUUID()}.qcow2`),
    work: async (login) => await sshTar(login, tree, "/home/opam/copied"),
  });
  const milliseconds = parts.reduce((sum, part) => sum + part.milliseconds, 0);
  bench.results.add("copy of 100 MB: original, our CPU model", milliseconds);
  bench.results.addTimeline("copy of 100 MB, the original's way", parts);
}
