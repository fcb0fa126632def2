import { readFile } from "node:fs/promises";
import path from "node:path";
import { layerId, parseImageManifest, sha256 } from "@ob/core";
import { createSandbox } from "@ob/sandbox-qemu";
import { defaultStore, imageName } from "../support/store.ts";
import { runTask } from "./harness.ts";

// A process of its own that runs the first step of a sequence and keeps its guest, to be killed: STATE_DIRECTORY DISK. Says
// when the guest waits.
const [stateDirectory = "", disk = ""] = process.argv.slice(2);
const images = path.join(defaultStore, "base-image");
const file = path.join(images, `${imageName}.json`);
const manifest = parseImageManifest(await readFile(file, "utf8"), file);
const machine = { memoryMib: 512, cpus: 1, bootTimeSeconds: 120, accelerator: "tcg" as const };
await using sandbox = await createSandbox({ ...machine, stateDirectory });
await using sequence = sandbox.openSession();
await sequence.run({
  layer: layerId(sha256(disk)),
  disk,
  image: { manifest, manifestDirectory: images },
  task: runTask("echo kept > kept"),
  keepVm: true,
});
process.stdout.write("waiting\n");
await new Promise<void>((resolve) => setTimeout(resolve, 600_000));
