import * as v from "valibot";
import { registryError } from "../errors.ts";
import { discard } from "../http/body.ts";
import { parseJson } from "../http/json.ts";
import { isTag } from "../reference/reference.ts";
import { readAnswer } from "./read.ts";
import type { Session, SessionRequest } from "./session.ts";

interface Access {
  readonly session: Session;
  readonly repository: string;
  readonly signal: AbortSignal;
}

/** Asks whether the registry answers, and takes our credentials. @throws ObError `REGISTRY` if not. */
export async function ping({ session, repository, signal }: Access): Promise<void> {
  const scope = [`repository:${repository}:pull`];
  const response = await session.send({ method: "GET", url: "/v2/", scope, expect: [200], signal });
  await discard(response.body);
}

const maxTags = 1_000_000;
const pageSize = 1_000;
/** A registry can send shorter pages than it was asked for. */
const maxPages = 10_000;
const schema = v.object({ tags: v.nullish(v.array(v.pipe(v.string(), v.check(isTag, "is not a tag")))) });

/** All tags of a repository; none if there is no such repository. */
export async function listTags({ session, repository, signal }: Access): Promise<readonly string[]> {
  const tags = new Set<string>();
  const path = `/v2/${repository}/tags/list`;
  let url: URL | undefined = new URL(`${path}?n=${pageSize}`, session.origin);
  for (let pages = 1; url; pages++) {
    const scope = [`repository:${repository}:pull`];
    const what = `The list of tags of ${session.origin.host}/${repository}`;
    const request: SessionRequest = { method: "GET", url, scope, expect: [200, 404], signal };
    const { response, bytes } = await readAnswer(session, request, { what, limit: 16 << 20 });
    if (response.status === 404) break;
    const before = tags.size;
    for (const tag of parseJson(bytes, { what, schema }).tags ?? []) tags.add(tag);
    const next = nextPage(response.header("link"), url);
    const isEndless = tags.size === before || tags.size > maxTags || pages >= maxPages;
    if (next && isEndless) throw registryError(`${what} does not end.`);
    url = next;
  }
  return [...tags];
}

/** The address in `Link: </v2/...>; rel="next"`. */
function nextPage(link: string | undefined, from: URL): URL | undefined {
  const target = /^\s*<([^>]{1,2000})>\s*;\s*rel="?next"?/.exec(link ?? "")?.[1];
  return target === undefined ? undefined : (URL.parse(target, from.href) ?? undefined);
}

/** Deletes a manifest by its digest or its tag, or a blob. False if it is not there. */
export async function remove({
  session,
  repository,
  signal,
  kind,
  reference,
}: Access & { readonly kind: "manifests" | "blobs"; readonly reference: string }): Promise<boolean> {
  const response = await session.send({
    method: "DELETE",
    url: `/v2/${repository}/${kind}/${reference}`,
    scope: [`repository:${repository}:delete,pull,push`],
    expect: [200, 202, 404],
    signal,
  });
  await discard(response.body);
  return response.status !== 404;
}
