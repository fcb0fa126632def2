import { readFile } from "node:fs/promises";
import path from "node:path";
import { layerId, parseImageManifest, sha256 } from "@ob/core";
import { createSandbox } from "@ob/sandbox-qemu";
import { defaultStore, imageName } from "../support/store.ts";
import { runTask } from "./harness.ts";

// A process that runs the first step of a session and keeps its VM, to be killed: STATE_DIRECTORY DISK. Prints a line when
// the VM is paused.
const [stateDirectory = "", disk = ""] = process.argv.slice(2);
const images = path.join(defaultStore, "base-image");
const file = path.join(images, `${imageName}.json`);
const manifest = parseImageManifest(await readFile(file, "utf8"), file);
const machine = { memoryMib: 512, cpus: 1, bootTimeSeconds: 120, accelerator: "tcg" as const };
await using sandbox = await createSandbox({ ...machine, stateDirectory });
await using session = sandbox.openSession();
await session.run({
  layer: layerId(sha256(disk)),
  disk,
  image: { manifest, manifestDirectory: images },
  task: runTask("echo kept > kept"),
  keepVm: true,
});
process.stdout.write("paused\n");
await new Promise<void>((resolve) => setTimeout(resolve, 600_000));
