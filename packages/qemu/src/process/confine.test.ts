import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "@ob/core";
import { describe, expect, it } from "vitest";
import { fakeQemu } from "../testing/fake-qemu.ts";

/** Starts QEMU in a process that has inherited descriptor 6, where that of a snapshot would be, and 40. */
const starter = `
import { spawnQemu } from ${JSON.stringify(path.resolve(import.meta.dirname, "qemu-process.ts"))};
const qemu = await spawnQemu(["qemu-system-x86_64"], { network: true });
await qemu.exited;
`;

describe.runIf(process.platform === "linux")("QEMU", () => {
  it("has neither descriptors nor an environment of ours, but those that it is given", async () => {
    await using qemu = await fakeQemu(`
      const fds = fs.readdirSync("/proc/self/fd").map((fd) => { try { return fd + " " + fs.readlinkSync("/proc/self/fd/" + fd) } catch { return "" } });
      fs.writeFileSync(__dirname + "/seen", JSON.stringify({ fds, env: process.env }));`);
    const directory = qemu.path.split(path.delimiter)[0] ?? "";
    const [script, secret] = [path.join(directory, "start.ts"), path.join(directory, "secret")];
    await writeFile(script, starter);
    await writeFile(secret, "");
    const line = `exec 6<${secret} 40>>${secret}; exec "$0" "$@"`;
    const env = { PATH: qemu.path, LANG: "C.UTF-8", MARKER: "of ours" };
    await run(["bash", "-c", line, process.execPath, script], { env });
    const seen: unknown = JSON.parse(await readFile(path.join(directory, "seen"), "utf8"));
    expect(seen).toMatchObject({ env: { LANG: "C.UTF-8", PATH: expect.stringContaining(qemu.path) } });
    const { fds, env: environment } = seen as { fds: readonly string[]; env: Record<string, string> };
    expect(Object.keys(environment).toSorted()).toEqual(["LANG", "PATH"]);
    expect(fds.filter((fd) => fd.includes("secret"))).toEqual([]);
    // QMP, console and network are there.
    for (const fd of [3, 4, 7]) expect(fds).toContainEqual(expect.stringMatching(`^${fd} socket:`));
    expect(fds).toContain("40 /dev/null");
  });
});
