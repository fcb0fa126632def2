import type { Client, utils } from "ssh2";

/** The part of ssh2 that is used. */
export interface Ssh2 {
  readonly Client: typeof Client;
  readonly utils: typeof utils;
}

/** Loads ssh2 for the first guest: a build whose layers are all cached starts faster without it. */
export async function loadSsh2(): Promise<Ssh2> {
  const { default: ssh2 } = await import("ssh2");
  return ssh2;
}
