import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "@ob/core";

/** The name of the image that is imported and pulled. */
export const importedName = "imported";

/** The versions of that image: their files differ. */
export const imageVersions = ["1", "2"] as const;

/** The files of a version. */
export function imageFiles(sources: string, version: string) {
  const at = (name: string): string => path.join(sources, `${name}-${version}`);
  return { disk: at("disk"), kernel: at("kernel"), initrd: at("initrd") };
}

/** What a pushed image says of itself. */
export const imageManifest = {
  ...{ version: 2, name: importedName, guestOs: "linux", guestArch: "amd64", loginUser: "root" },
  directBoot: { kernel: "kernel", initrd: "initrd", commandLine: "quiet" },
};

/** Makes the files of all versions in a new directory. */
export async function makeImageSources(sources: string): Promise<void> {
  await mkdir(sources);
  for (const version of imageVersions) {
    const { disk, kernel, initrd } = imageFiles(sources, version);
    await run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "1M"]);
    await run(["qemu-io", "-f", "qcow2", "-c", `write -P ${version} 0 64k`, disk]);
    for (const file of [kernel, initrd]) await writeFile(file, Buffer.alloc(10_000, path.basename(file)));
  }
}
