import { lstat, readdir, readlink } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { getuid } from "node:process";
import { diagnoseConfinement } from "@ob/sandbox-qemu";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { build, builtId, printed, startBuild } from "../support/obuilder.ts";
import { qemusOf, sees, statusOf } from "../support/host-processes.ts";
import { imageName, type TestStore, temporaryStore } from "../support/store.ts";

let store: TestStore;
beforeEach(async () => {
  store = await temporaryStore();
});
afterEach(() => store[Symbol.asyncDispose]());

const isRoot = getuid?.() === 0;
const namespaces = ["mnt", "pid", "ipc", "uts", "net"];

async function namespacesOf(pid: number | "self"): Promise<readonly string[]> {
  return await Promise.all(namespaces.map((name) => readlink(`/proc/${pid}/ns/${name}`)));
}

/** The disks that a process sees in the directory of the store. */
async function disksSeenBy(pid: number): Promise<readonly string[]> {
  const entries = await readdir(`/proc/${pid}/root${store.directory}`, { recursive: true });
  return entries.filter((entry) => entry.endsWith(".qcow2"));
}

/** What of the store belongs to another user than who runs the tests. */
async function notOurs(): Promise<readonly string[]> {
  const entries = await readdir(store.directory, { recursive: true });
  const owners = entries.map(async (entry) => (await lstat(path.join(store.directory, entry))).uid);
  const uids = await Promise.all(owners);
  return entries.filter((_, index) => uids[index] !== getuid?.());
}

// Installed by `npm test`; some hosts deny user namespaces to users other than root.
const { isolated, obstacle } = await diagnoseConfinement();
const why = obstacle === undefined ? "" : ` (${obstacle})`;

describe.skipIf(!isolated)(`the QEMU of a step${why}`, () => {
  it("has no privileges, sees its own disks only, and gives them back", async () => {
    const other = await build(store, `((from ${imageName}) (run (shell "echo another layer")))`);
    expect(other.exitCode, other.all).toBe(0);
    const cache = "(cache (kept (target /kept)))";
    const { process } = await startBuild(
      store,
      `((from ${imageName})
        (run ${cache} (shell "echo first >> /kept/file"))
        (copy (src .) (dst /src))
        (run ${cache} (shell "cat /kept/file; echo started; sleep 8; echo second >> /kept/file")))`,
    );
    await printed(process, "started\n");
    const [pid = 0, ...more] = await qemusOf(store.directory);
    expect(more).toEqual([]);

    const status = await statusOf(pid);
    expect(Object.fromEntries(status)).toMatchObject({
      ...{ CapEff: "0000000000000000", CapPrm: "0000000000000000", NoNewPrivs: "1", Seccomp: "2" },
      ...(isRoot && { CapBnd: "0000000000000000" }),
    });
    if (isRoot) {
      const ids = new Set(`${status.get("Uid")}\t${status.get("Gid")}`.split("\t"));
      expect(ids.size).toBe(1);
      expect(Number([...ids][0])).toBeGreaterThan(60_000);
    }
    const ours = await namespacesOf("self");
    expect((await namespacesOf(pid)).filter((each) => ours.includes(each))).toEqual([]);
    const seen = await disksSeenBy(pid);
    expect(seen.filter((disk) => disk.includes(builtId(other.all)))).toEqual([]);
    // The overlay of this step, the two layers and the base below it; the cache, and what it is based on.
    expect(seen.filter((disk) => disk.startsWith("result"))).toHaveLength(4);
    expect(seen.filter((disk) => disk.startsWith("cache")).length).toBeLessThan(5);
    for (const file of [
      "/etc/shadow",
      "/etc/passwd",
      homedir(),
      `${store.directory}/state/ssh`,
      store.work,
    ]) {
      expect(await sees(pid, file), file).toBe(false);
    }

    const result = await process;
    expect(result.exitCode, result.all).toBe(0);
    expect(result.all).toContain("first\n");
    expect(await notOurs()).toEqual([]);
    expect(await readdir(path.join(store.directory, "state/qemu/run"))).toEqual([]);
  });
});
