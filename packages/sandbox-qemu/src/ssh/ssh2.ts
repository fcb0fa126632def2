import type { Client, utils } from "ssh2";

/** What is used of ssh2. */
export interface Ssh2 {
  readonly Client: typeof Client;
  readonly utils: typeof utils;
}

/**
 * `#ssh2` is the library, and a bundle of it in the published package; see bundle-ssh2.mjs.
 *
 * ssh2 is loaded with the first guest: a build that is all cache needs none, and starts sooner without.
 */
export async function loadSsh2(): Promise<Ssh2> {
  const { default: ssh2 } = await import("#ssh2");
  return ssh2;
}
