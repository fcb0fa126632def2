import { readFile } from "node:fs/promises";
import path from "node:path";
import { diskIn, isStoreKey, resultDirectory, storeLayout } from "@ob/core";
import { openStore } from "@ob/store-qcow";
import { missingPatterns } from "../store/scripted-guest.ts";
import { type Fixtures, imageName, textsOf, type Version, versions } from "./fixtures.ts";

/** What a build sees of the image: one whole version, nothing, or a mixture in words. */
export type SeenImage = Version | "nothing" | { readonly mixture: string };

/** Imports the base layer, as a build does that starts from the image. @param directory of a store that may be changed. */
export async function seeImage(directory: string, fixtures: Fixtures): Promise<SeenImage> {
  await using store = await openStore({ directory, create: true });
  const image = await store.baseImage(imageName);
  if (!image.present) return "nothing";
  const guest = await store.guestOf(image);
  await using writer = await store.tryBegin(image.id);
  if (!writer) return { mixture: "its layer is locked" };
  await writer.importBase(imageName);
  await writer.commit();
  const { manifest, manifestDirectory } = await store.baseInfo(image.id);
  const before = guest?.manifest?.directBoot?.commandLine;
  const directBoot = manifest?.directBoot;
  if (!directBoot || manifest.sshKey === undefined) return { mixture: "it has no manifest" };
  const read = async (name: string) => await readFile(path.join(manifestDirectory, name), "utf8");
  const texts = {
    kernel: await read(directBoot.kernel),
    initrd: await read(directBoot.initrd ?? ""),
    key: await read(manifest.sshKey),
  };
  const layerDirectory = resultDirectory(storeLayout(directory), image.id);
  const layer = { id: image.id, directory: layerDirectory, disk: diskIn(layerDirectory) };
  const parts = new Map<string, readonly Version[]>();
  const put = async (part: string, is: (version: Version) => boolean | Promise<boolean>) => {
    const found: Version[] = [];
    for (const version of versions) if (await is(version)) found.push(version);
    parts.set(part, found);
  };
  await put("manifest before", (version) => before === `version=${version}`);
  await put("manifest", (version) => directBoot.commandLine === `version=${version}`);
  await put("disk", async (version) => await isDiskOf(layer, version));
  for (const part of ["kernel", "initrd"] as const) {
    await put(part, async (version) => texts[part] === (await textsOf(fixtures, version))[part]);
  }
  // An image that was built has the store's own key.
  if (!isStoreKey(manifest.sshKey))
    await put("key", async (version) => texts.key === (await textsOf(fixtures, version)).key);
  const [one] = versions.filter((version) => [...parts.values()].every((found) => found.includes(version)));
  return one ?? { mixture: [...parts].map(([part, found]) => `${part} of ${found.join()}`).join(", ") };
}

async function isDiskOf(layer: Parameters<typeof missingPatterns>[0], version: Version): Promise<boolean> {
  return (await missingPatterns(layer, [Number(version)])).length === 0;
}
