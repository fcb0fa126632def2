import { createServer } from "node:net";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createReadStream } from "node:fs";
import { symlink } from "node:fs/promises";
import path from "node:path";
import { sha256 } from "@ob/core";
import {
  archiveOf,
  cacheDisk,
  machinesOf,
  openRaw,
  runTask,
  sourceTree,
  type Harness,
  openHarness,
} from "./harness.ts";

let bench: Harness;
beforeAll(async () => {
  bench = await openHarness();
});
afterAll(async () => await bench[Symbol.asyncDispose]());

/** Prints, with bash, whether the guest can reach a port of the host. */
const reach = (port: number): string =>
  `timeout 5 bash -c '</dev/tcp/10.0.2.2/${port}' 2>/dev/null && echo reached || echo unreachable`;

async function listen(): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer((socket) => socket.end());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address ? address.port : 0,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

describe("a step's disk", () => {
  it("has everything that was written, is clean, and continues from the previous step", async () => {
    await using host = await listen();
    const first = await bench.createDisk();
    const { output } = await bench.runStep(
      first,
      runTask(
        `dd if=/dev/urandom of=big bs=1M count=32 status=none; sha256sum big > sum; ` +
          `(setsid sh -c 'while :; do date > endless; done' </dev/null >/dev/null 2>&1 &); ${reach(host.port)}`,
      ),
    );
    expect(output).toBe("unreachable\n");
    {
      await using raw = await openRaw(first);
      await raw.check();
    }
    const second = await bench.createDisk(first);
    const after = await bench.runStep(
      second,
      runTask(`sha256sum -c sum; ls endless; ${reach(host.port)}`, { network: "host" }),
    );
    expect(after.output).toBe("big: OK\nendless\nreached\n");
    await expect(machinesOf(bench.stateDirectory)).resolves.toEqual([]);
  });

  it("is clean if the guest cannot be frozen: it is shut down instead", async () => {
    const disk = await bench.createDisk();
    await bench.runStep(disk, runTask("echo kept > kept; sudo rm -f $(sudo sh -c 'command -v fsfreeze')"));
    await using raw = await openRaw(disk);
    await raw.check();
    await expect(raw.debugfs("cat /home/opam/kept")).resolves.toBe("kept");
  });

  it("boots without a kernel of the image, through the boot loader on the disk", async () => {
    const { manifest, ...rest } = bench.image;
    const image = { ...rest, manifest: manifest && { ...manifest, directBoot: undefined } };
    const disk = await bench.createDisk();
    const { output, events } = await bench.runStep(disk, runTask("id -un"), { image });
    expect(output).toBe("opam\n");
    expect(JSON.stringify(events)).not.toContain("-kernel");
  });
});

describe("a step's user", () => {
  it("is the one of the context, known to the guest or not", async () => {
    const secret = "sesame-4242";
    const [fresh, ready] = [await cacheDisk(bench.directory, false), await cacheDisk(bench.directory, true)];
    const disk = await bench.createDisk();
    const task = runTask(
      `id; pwd; echo "$HOME $A"; stat -c '%u:%g %a' /fresh /srv/made/here; ` +
        `stat -c '%u:%g %a' /run/secrets/key; cat /run/secrets/key; echo not-secret-4242 > control; ` +
        `echo one > /fresh/file; echo two > '/ready made/file'`,
      {
        user: { uid: 1234, gid: 99 },
        workdir: "/srv/made/here",
        environment: [["A", "b  c"]],
        caches: [
          { name: "fresh", disk: fresh, formatted: false, target: "/fresh" },
          { name: "ready", disk: ready, formatted: true, target: "/ready made" },
        ],
        secrets: [{ target: "/run/secrets/key", contents: Buffer.from(`${secret}\n`) }],
      },
    );
    const { output, events } = await bench.runStep(disk, task);
    expect(output).toBe(
      `uid=1234 gid=99 groups=99\n/srv/made/here\n/ b  c\n1234:99 755\n1234:99 755\n1234:99 400\n${secret}\n`,
    );
    expect(JSON.stringify(events)).not.toContain(secret);
    {
      await using raw = await openRaw(disk);
      await raw.check();
      await expect(raw.contains(secret)).resolves.toBe(false);
      await expect(raw.contains("not-secret-4242")).resolves.toBe(true);
      await expect(raw.debugfs("ls -p /fresh")).resolves.not.toContain("file");
    }
    for (const [cache, text] of [
      [fresh, "one"],
      [ready, "two"],
    ] as const) {
      await using raw = await openRaw(cache);
      await raw.check();
      await expect(raw.debugfs("cat /file")).resolves.toBe(text);
    }
  });

  it("is root for uid 0, and the cache of a failed step is kept", async () => {
    const cache = await cacheDisk(bench.directory, false);
    const disk = await bench.createDisk();
    const task = runTask("id -u; echo $HOME; echo half > /c/file; exit 3", {
      user: { uid: 0, gid: 0 },
      shell: ["/usr/bin/env", "bash", "-c"],
      caches: [{ name: "c", disk: cache, formatted: false, target: "/c" }],
    });
    let output = "";
    const onOutput = (bytes: Uint8Array): void => void (output += Buffer.from(bytes).toString());
    await expect(bench.runStep(disk, task, { onOutput })).rejects.toMatchObject({
      code: "STEP_FAILED",
      exitCode: 3,
    });
    expect(output).toBe("0\n/root\n");
    await using raw = await openRaw(cache);
    await raw.check();
    await expect(raw.debugfs("cat /file")).resolves.toBe("half");
  });

  it("can be a name, and can run a command that is longer than an argument can be", async () => {
    const disk = await bench.createDisk();
    const long = `: ${"x".repeat(200_000)}\nid -un; echo $HOME; ls /run/obuilder 2>/dev/null; true`;
    const { output } = await bench.runStep(disk, runTask(long, { user: { name: "daemon" }, workdir: "/" }));
    expect(output).toBe("daemon\n/usr/sbin\n");
  });
});

describe("a copy", () => {
  it("unpacks as root at the root, and keeps directories that are links in the guest", async () => {
    // Large enough to be sent as a disk.
    const large = "0123456789abcdef".repeat(600_000);
    const long = `srv/${"long-name-".repeat(12)}/${"x".repeat(120)}.txt`;
    const source = await sourceTree(bench.directory, {
      [long]: "deep",
      "bin/copied": "#!",
      "lib/copied": "lib",
      "srv/large": large,
    });
    await symlink("copied", path.join(source, "bin/link"));
    const disk = await bench.createDisk();
    const { events } = await bench.runStep(disk, {
      kind: "copy",
      user: undefined,
      openArchive: () => archiveOf(source),
    });
    const said = events.flatMap((event) => (event.type === "log" ? [event.text] : []));
    expect(said).toContain("Transferring the files as a disk.");
    expect(said.join("\n")).not.toContain("could not be hot-plugged");
    await using raw = await openRaw(disk);
    await raw.check();
    await expect(raw.debugfs(`cat /${long}`)).resolves.toBe("deep");
    expect(sha256(await raw.debugfs("cat /srv/large"))).toBe(sha256(large));
    // /bin and /lib are links into /usr on Debian.
    await expect(raw.debugfs("cat /usr/bin/copied")).resolves.toBe("#!");
    await expect(raw.debugfs("cat /usr/lib/copied")).resolves.toBe("lib");
    await expect(raw.debugfs("stat /usr/bin/link")).resolves.toMatch(/Type: symlink/);
    await expect(raw.debugfs("stat /usr/bin/copied")).resolves.toMatch(/User:\s+0\s+Group:\s+0/);
  });

  it("that the guest's tar rejects fails with tar's message", async () => {
    const disk = await bench.createDisk();
    const garbage = await sourceTree(bench.directory, { "no.tar": "this is not an archive".repeat(1000) });
    const openArchive = () => createReadStream(path.join(garbage, "no.tar"));
    await expect(bench.runStep(disk, { kind: "copy", user: undefined, openArchive })).rejects.toMatchObject({
      code: "STEP_FAILED",
      message: expect.stringMatching(/tar ended with exit status 2[\s\S]*does not look like a tar archive/),
    });
  });
});
