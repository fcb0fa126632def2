import { isObError } from "@ob/core";
import type { Repository } from "../blobs/repository.ts";
import { manifestTypes } from "../client/manifests.ts";
import type { ImageInfo } from "./image.ts";
import { encodeIndex, type IndexEntry, isSamePlatform, type Platform } from "./image-index.ts";
import { findEntry, findTagged, platformOf } from "./find-image.ts";

/** The image that a tag is to stand for. */
export interface ImageToTag {
  readonly tag: string;
  readonly entry: Omit<IndexEntry, "platform"> & { readonly platform: Platform | undefined };
  /** Replaces another image of the tag. */
  readonly overwrite: boolean;
}

/** What is to become of a tag. */
export type TagPlan =
  /** The tag stands for the image, or for an index with it. */
  | { readonly kind: "present"; readonly image: ImageInfo }
  /** It stands for another image, which stays. */
  | { readonly kind: "different"; readonly image: ImageInfo }
  /** It will stand for the image alone. */
  | { readonly kind: "image" }
  /** It will stand for an index of these: of one system, for several architectures. */
  | { readonly kind: "index"; readonly entries: readonly IndexEntry[] };

/**
 * Says what a push makes of a tag. The image of the same system for another architecture joins those that are there; every other
 * one takes their place, if that is asked for.
 */
export async function planTag(
  repository: Repository,
  { tag, entry, overwrite }: ImageToTag,
  signal: AbortSignal,
): Promise<TagPlan> {
  const { platform } = entry;
  const others = await entriesOf(repository, tag, signal);
  const same = others.find(({ digest }) => digest === entry.digest);
  if (same) return { kind: "present", image: same.image };
  const [other] = others;
  if (!other) return { kind: "image" };
  const isOneSystem = platform && others.every((each) => each.platform?.os === platform.os);
  if (!isOneSystem) return overwrite ? { kind: "image" } : { kind: "different", image: other.image };
  const kept = others.flatMap(({ digest, size, platform: of }) =>
    of && !isSamePlatform(of, platform) ? [{ digest, size, platform: of }] : [],
  );
  const replaced = others.find((each) => each.platform && isSamePlatform(each.platform, platform));
  if (replaced && !overwrite) return { kind: "different", image: replaced.image };
  if (kept.length === 0) return { kind: "image" };
  return { kind: "index", entries: [...kept, { ...entry, platform }] };
}

/** Lets a tag stand for an index, whose images are there. */
export async function putIndex(
  repository: Repository,
  { tag, entries }: { readonly tag: string; readonly entries: readonly IndexEntry[] },
  signal: AbortSignal,
): Promise<void> {
  await repository.putManifest(tag, { mediaType: manifestTypes.index, bytes: encodeIndex(entries), signal });
}

type Existing = Omit<IndexEntry, "platform"> & {
  readonly platform: Platform | undefined;
  readonly image: ImageInfo;
};

/** The images of a tag that the registry still has. */
async function entriesOf(
  repository: Repository,
  tag: string,
  signal: AbortSignal,
): Promise<readonly Existing[]> {
  const found = await findTagged(repository, tag, signal);
  if (!found) return [];
  if (found.kind === "image") {
    const { image, size } = found;
    const platform = await platformOf(repository, image, signal).catch(unlessInvalid);
    return [{ digest: image.manifestDigest, size, platform, image }];
  }
  const all = found.entries.map(async (entry) => {
    const image = await findEntry(repository, entry, signal);
    return image ? [{ ...entry, image }] : [];
  });
  return (await Promise.all(all)).flat();
}

/** An image whose own image manifest is of no use can be replaced all the same. */
function unlessInvalid(error: unknown): undefined {
  const isInvalid =
    isObError(error) && (error.code === "BASE_IMAGE" || error.data?.["problem"] === "corrupt");
  if (!isInvalid) throw error;
}
