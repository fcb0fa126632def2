import { openBlob } from "../client/download.ts";
import type { Content } from "../reference/digest.ts";
import type { Repository } from "./repository.ts";

/** Reads a short blob into memory: its size is bounded by the caller. Undefined if the registry does not have it. */
export async function readBlob(
  repository: Repository,
  content: Content,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const blob = await openBlob(repository.access(signal), content);
  if (!blob) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of blob.bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}
