import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBuilder } from "@ob/builder";
import { type LayerId, layerId, run } from "@ob/core";
import { FakeSandbox, MemoryCache } from "@ob/core/testing";
import { openStore, type QcowStore } from "@ob/store-qcow";
import type { Services } from "../services.ts";
import { fakeServices, obuilder, type RunOptions, type RunResult } from "../testing/run.ts";

/** A host with a store and a fake guest, which writes each command's output and a random block. */
export interface Machine extends AsyncDisposable {
  readonly directory: string;
  /** The commands that were run. */
  readonly commands: readonly string[];
  readonly services: Services;
  /** Builds a spec on the base image `base`. */
  build(steps: readonly string[], args?: readonly string[], options?: RunOptions): Promise<RunResult>;
  obuilder(...args: readonly string[]): Promise<RunResult>;
  /** Opens the store, which the commands use by themselves. */
  open(): Promise<QcowStore>;
}

/** @param image the file of its base image. */
export async function startMachine(image: string): Promise<Machine> {
  const directory = await mkdtemp(join(tmpdir(), "machine-"));
  const images = join(directory, "base-image");
  await mkdir(images);
  await copyFile(image, join(images, "base.qcow2"));
  const open = async () => await openStore({ directory });
  const commands: string[] = [];
  const sandbox = new FakeSandbox({
    run: async ({ task, disk, output }) => {
      commands.push(task.command);
      output(`${task.command}\n`);
      const fill = Math.floor(Math.random() * 255) + 1;
      await run(["qemu-io", "-f", "qcow2", "-c", `write -P ${fill} ${commands.length << 16} 64k`, disk]);
      await run(["qemu-io", "-f", "qcow2", "-c", `write -P ${Math.floor(Math.random() * 255)} 1M 512`, disk]);
      if (task.command === "false") return 1;
      return 0;
    },
  });
  const caches = new MemoryCache();
  const services: Services = {
    ...fakeServices(),
    openStore: open,
    openBuilder: async ({ sharing, emit }) => {
      const own = await open();
      const store = sharing ? sharing.wrap(own) : own;
      const builder = createBuilder({ store, sandbox, caches, diskReserve: 0, emit });
      return {
        ...builder,
        async [Symbol.asyncDispose]() {
          await builder[Symbol.asyncDispose]();
          await store[Symbol.asyncDispose]();
        },
      };
    },
  };
  const store = `--store=qemu:${directory}`;
  const call = async (argv: readonly string[], options: RunOptions = {}) => {
    const [name = "", ...rest] = argv;
    return await obuilder([name, store, ...rest], { services, ...options });
  };
  return {
    directory,
    commands,
    services,
    open,
    build: async (steps, args = [], options = {}) => {
      const stdin = `((from base) ${steps.map((step) => (step.startsWith("(") ? step : `(run (shell ${step}))`)).join(" ")})`;
      return await call(["build", "-f", "-", ...args, "."], { stdin, ...options });
    },
    obuilder: async (...argv) => await call(argv),
    async [Symbol.asyncDispose]() {
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The ids of a build's steps, the base layer's first. */
export function idsOf({ stdout }: RunResult): readonly LayerId[] {
  return [...stdout.matchAll(/^---> (?:saved as|using) "([0-9a-f]{64})"/gm)].map(([, id = ""]) =>
    layerId(id),
  );
}

/** A base image. */
export async function makeBase(path: string, fill = 7): Promise<void> {
  await run(["qemu-img", "create", "-q", "-f", "qcow2", path, "16M"]);
  await run(["qemu-io", "-f", "qcow2", "-c", `write -P ${fill} 0 64k`, path]);
}
