import { join } from "node:path";
import { cancelledError, type LayerId } from "@ob/core";
import type { CaseSubject } from "./case.ts";
import { differences, treeOfArchive, treeOfDirectory, type Tree } from "./compare-copies.ts";
import { describeError } from "./describe-error.ts";
import type { ChainTools } from "./run-chain.ts";

export interface CopyBack {
  readonly layer: LayerId;
  /** The trees of the build context that have been copied, each to a directory of its name. */
  readonly copied: readonly string[];
  readonly subject: CaseSubject;
}

const name = "files come back from a layer as they were copied: names, contents, links";

/** Reads copied trees back from a layer, as `cp` does, and compares them with their sources. */
export async function copyBackCase({ layer, copied, subject }: CopyBack, tools: ChainTools): Promise<void> {
  const { engine, sourceDirectory, recorder, emit, signal, onStart, onResult } = tools;
  const startedAt = performance.now();
  onStart(name);
  const paths = copied.map((tree) => subject.paths.inSpec(tree));
  try {
    const archive = engine.readTrees(layer, paths, { signal, emit: recorder.listen(emit) });
    const found = await treeOfArchive(archive);
    const expected = await sourceTrees(sourceDirectory, copied);
    // Windows' tar can leave them out.
    const wrong = differences(expected, found, { mayLackLinks: subject.guestOs === "windows" });
    const milliseconds = performance.now() - startedAt;
    if (wrong.length === 0) onResult({ name, outcome: "passed", milliseconds });
    else {
      const reason = `${wrong.length} of ${expected.size} files and directories differ.`;
      onResult({ name, outcome: "failed", reason, output: wrong.slice(0, 20).join("\n"), milliseconds });
    }
  } catch (error) {
    if (signal.aborted) throw cancelledError(signal);
    onResult({ name, outcome: "failed", ...describeError(error) });
  }
}

async function sourceTrees(sources: string, copied: readonly string[]): Promise<Tree> {
  const all = new Map<string, string>();
  for (const tree of copied) {
    all.set(tree, "a directory");
    for (const [path, what] of await treeOfDirectory(join(sources, tree))) all.set(`${tree}/${path}`, what);
  }
  return all;
}
