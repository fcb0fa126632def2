import { readFile } from "node:fs/promises";
import path from "node:path";
import { layerId, parseImageManifest, sha256 } from "@ob/core";
import { createSandbox } from "@ob/sandbox-qemu";
import { defaultStore, imageName } from "../support/store.ts";
import { runTask } from "./harness.ts";

// A process that runs one endless step, to be killed: STATE_DIRECTORY DISK. Prints a line when the guest boots.
const [stateDirectory = "", disk = ""] = process.argv.slice(2);
const images = path.join(defaultStore, "base-image");
const file = path.join(images, `${imageName}.json`);
const manifest = parseImageManifest(await readFile(file, "utf8"), file);
const machine = { memoryMib: 512, cpus: 1, bootTimeSeconds: 120, accelerator: "tcg" as const };
await using sandbox = await createSandbox({ ...machine, stateDirectory });
await sandbox.run(
  {
    layer: layerId(sha256(disk)),
    disk,
    image: { manifest, manifestDirectory: images },
    task: runTask("sleep 600"),
  },
  {
    emit: (event) => {
      if (event.type === "exec" && event.argv[0]?.startsWith("qemu-system")) {
        setTimeout(() => process.stdout.write("booting\n"), 1_000);
      }
    },
  },
);
