import { archiveTargets } from "./archive-targets.ts";
import { cliTargets } from "./cli-targets.ts";
import { openDiskTargets } from "./disk-targets.ts";
import { editorTargets } from "./editor-targets.ts";
import { networkTargets } from "./network-targets.ts";
import { registryTargets } from "./registry-targets.ts";
import { openStateTargets } from "./state-targets.ts";
import { streamTargets } from "./stream-targets.ts";
import type { Target } from "./target.ts";
import { terminalTargets } from "./terminal-targets.ts";
import { textTargets } from "./text-targets.ts";

/** Targets with the files that they need. */
export interface OpenTargets extends AsyncDisposable {
  readonly targets: readonly Target[];
}

/** All that reads what others have made. */
export async function openTargets(): Promise<OpenTargets> {
  await using stack = new AsyncDisposableStack();
  const disks = stack.use(await openDiskTargets());
  const states = stack.use(await openStateTargets());
  const targets = [
    ...textTargets,
    ...editorTargets,
    ...registryTargets,
    ...(await cliTargets()),
    ...streamTargets,
    ...terminalTargets,
    ...networkTargets,
    ...disks.targets,
    ...archiveTargets,
    ...states.targets,
  ];
  const moved = stack.move();
  return { targets, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}
