import { readdir } from "node:fs/promises";
import path from "node:path";

/** The path of libfaketime, where Debian and Ubuntu have it; undefined without the package faketime. */
export async function fakeClockLibrary(): Promise<string | undefined> {
  for (const name of await readdir("/usr/lib")) {
    const directory = path.join("/usr/lib", name, "faketime");
    const found: readonly string[] = await readdir(directory).catch(() => []);
    if (found.includes("libfaketime.so.1")) return path.join(directory, "libfaketime.so.1");
  }
  return undefined;
}

/** The environment of a command whose clock is off by some seconds. Only the time of day is: deadlines are those of the host. */
export function withClock(library: string, offset: number): Readonly<Record<string, string>> {
  return {
    LD_PRELOAD: library,
    FAKETIME: `${offset < 0 ? "-" : "+"}${Math.abs(offset)}`,
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
    NO_FAKE_STAT: "1",
  };
}
