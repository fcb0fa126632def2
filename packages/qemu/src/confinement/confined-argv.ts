import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { type Emit, makeTemporaryDirectory } from "@ob/core";
import { emptyConsoleLog } from "../process/console-log.ts";
import { createRunDirectory } from "../vm/run-directory.ts";
import { filesInArgv, type NamedFile, usesKvm } from "./argv-files.ts";
import { backingFiles } from "./backing-chain.ts";
import { Confinement, type ConfinementChoice } from "./confinement.ts";
import type { FileView } from "./file-view.ts";

export interface ConfineArgvOptions {
  /** Absolute path of the file that the guest's console is logged to. It is overwritten. */
  readonly consoleLog: string;
  readonly choice: ConfinementChoice;
  readonly emit: Emit;
}

/** How a QEMU is confined. Disposing, once it has ended, gives its files back. */
export interface ConfinedArgv extends AsyncDisposable {
  /** `SpawnOptions.confinedBy`; undefined where this host does not permit it. */
  readonly confinedBy: readonly [string, ...string[]] | undefined;
}

/**
 * Confines a QEMU with any command line: it sees the files that its options name by absolute paths, which must exist, the files below
 * those disks, and the files that a TFTP server of its has. It reads them; it writes to disks that are not read-only, and to the console's log.
 *
 * @param argv of QEMU, the program first.
 */
export async function confineArgv(
  argv: readonly [string, ...string[]],
  { consoleLog, choice, emit }: ConfineArgvOptions,
): Promise<ConfinedArgv> {
  await using stack = new AsyncDisposableStack();
  const files = filesInArgv(argv);
  // Files of the same file system can be linked.
  const beside = files.find(({ access }) => access === "write")?.path;
  const parent = beside === undefined ? tmpdir() : dirname(beside);
  const { path: stateDirectory } = stack.use(await makeTemporaryDirectory("qemu", parent));
  const { path: directory } = stack.use(await createRunDirectory(stateDirectory));
  const confinement = new Confinement({ choice, stateDirectory });
  const confined = await confinement.forVm(
    { directory, program: argv[0], hostNetwork: true, kvm: usesKvm(argv) },
    emit,
  );
  stack.defer(() => confined.view?.close());
  if (confined.view) {
    await emptyConsoleLog(consoleLog);
    confined.view.show({ path: consoleLog, access: "write" });
    // An option names it, too, but does not say that QEMU writes to it.
    const others = files.filter(({ path }) => path !== consoleLog);
    await showFiles(confined.view, others);
  }
  const confinedBy = confined.command();
  const owned = stack.move();
  return { confinedBy, [Symbol.asyncDispose]: async () => await owned.disposeAsync() };
}

async function showFiles(view: FileView, files: readonly NamedFile[]): Promise<void> {
  for (const { mayHaveBacking, ...file } of files) {
    view.show(file);
    if (!mayHaveBacking) continue;
    for (const path of await backingFiles(file.path)) view.show({ path, access: "read", borrowed: true });
  }
}
