import { quotedName } from "@ob/core";
import { registryError } from "../errors.ts";
import { type Digest, isDigest } from "./digest.ts";

/** A repository in a registry, and what is meant in it. */
export interface Reference {
  /** Host and port as they were written: `reg.example:5000`, `[::1]:5000`. */
  readonly registry: string;
  /** `path/name` */
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

const maxLength = 1024;
const label = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
const hostPattern = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[0-9a-fA-F:.]{2,45}\\])(?::([0-9]{1,5}))?$`);
const component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const repositoryPattern = new RegExp(`^${component}(?:/${component})*$`);
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/**
 * Reads `reg.example:5000/path/name[:tag][@sha256:...]`. Nothing is added: a reference without a registry is refused.
 *
 * @throws ObError `REGISTRY` that says what is wrong with it.
 */
export function parseReference(text: string): Reference {
  const wrong = (what: string, hint?: string): Error =>
    registryError(`${quotedName(text)} is not the name of a repository in a registry: ${what}.`, {
      hint: hint ?? "A name has the form reg.example:5000/path/name, then :TAG or @sha256:DIGEST if need be.",
    });
  if (text.length > maxLength) throw wrong(`it has more than ${maxLength} characters`);
  if (/^[a-z+]+:\/\//i.test(text)) throw wrong("it has a scheme", "Leave out https:// or http://.");
  const slash = text.indexOf("/");
  const registry = slash === -1 ? "" : text.slice(0, slash);
  if (!namesRegistry(registry)) throw wrong("it does not start with a registry, such as reg.example:5000/");
  const port = hostPattern.exec(registry)?.[1];
  if (!hostPattern.test(registry))
    throw wrong(`${quotedName(registry)} is not a host with or without a port`);
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535))
    throw wrong(`there is no port ${port}`);
  const { name, tag, digest } = split(text.slice(slash + 1));
  if (name.length > 255) throw wrong("its path has more than 255 characters");
  if (!repositoryPattern.test(name)) {
    throw wrong(
      /[A-Z]/.test(name)
        ? `its path ${quotedName(name)} has upper-case letters`
        : `${quotedName(name)} is not a path: small letters and digits, joined by one of . - _ and /`,
    );
  }
  if (tag !== undefined && !isTag(tag)) throw wrong(`${quotedName(tag)} is not a tag`);
  if (digest !== undefined && !isDigest(digest)) throw wrong(`${quotedName(digest)} is not a sha256 digest`);
  return { registry, repository: name, tag, digest };
}

/** True for what can be a tag. */
export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

/** True for what can be the path of a repository. */
export function isRepository(text: string): boolean {
  return text.length <= 255 && repositoryPattern.test(text);
}

/** As Docker tells a host from the first part of a path. */
function namesRegistry(first: string): boolean {
  return first === "localhost" || /[.:]/.test(first);
}

function split(rest: string): { name: string; tag: string | undefined; digest: string | undefined } {
  const at = rest.indexOf("@");
  const digest = at === -1 ? undefined : rest.slice(at + 1);
  const named = at === -1 ? rest : rest.slice(0, at);
  const colon = named.indexOf(":");
  return colon === -1
    ? { name: named, tag: undefined, digest }
    : { name: named.slice(0, colon), tag: named.slice(colon + 1), digest };
}

/** True for a host name of this machine's loopback: `localhost`, 127.0.0.0/8, `::1`; with or without a port. */
export function isLoopback(host: string): boolean {
  const name = host
    .replace(/:[0-9]+$/, "")
    .replace(/^\[(.*)\]$/, "$1")
    .toLowerCase();
  return name === "localhost" || name === "::1" || /^127(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}$/.test(name);
}
