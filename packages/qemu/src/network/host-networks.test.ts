import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ObEvent } from "@ob/core";
import { testTime } from "@ob/core/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { HostNetworks, type HostNetworksOptions } from "./host-networks.ts";
import { startPasst } from "./passt.ts";

const binary = "qemu-system-x86_64";
const { signal } = new AbortController();
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "fake-passt-"));
  await program(binary, "echo QEMU emulator version 7.2.22 '(Debian)'");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true, force: true });
});

/** Puts a program first on PATH; without one of that name, PATH has only what is in the directory. */
async function program(name: string, line: string): Promise<void> {
  const file = path.join(directory, name);
  await writeFile(file, `#!/bin/sh\n${line}\n`);
  await chmod(file, 0o755);
  vi.stubEnv("PATH", directory);
}

async function choose(options: Partial<HostNetworksOptions> = {}) {
  const events: ObEvent[] = [];
  const networks = new HostNetworks({ choice: "auto", allowHostLoopback: false, ...options });
  const about = { signal, emit: (event: ObEvent) => void events.push(event) };
  const chosen = [
    await networks.choose({ binary }, about),
    await networks.choose({ binary: "other" }, about),
  ];
  const warnings = events.flatMap((event) =>
    event.type === "log" && event.level === "warning" ? [event.text] : [],
  );
  return { chosen, warnings };
}

describe("the choice of the host's network", () => {
  beforeEach(async () => await program("other", "echo QEMU emulator version 7.2.22"));

  it("is slirp where passt is not installed, with one warning that names the package", async () => {
    const { chosen, warnings } = await choose();
    expect(chosen).toEqual(["slirp", "slirp"]);
    expect(warnings).toEqual([expect.stringMatching(/127\.0\.0\.1.*apt-get install passt/)]);
  });

  it("is slirp with a QEMU that is too old for passt", async () => {
    await program("passt", "exit 0");
    await program(binary, "echo QEMU emulator version 6.2.0");
    expect((await choose()).warnings[0]).toContain("passt needs QEMU 7.2 or newer");
  });

  it("is slirp where passt does not start, and the warning has its message", async () => {
    await program("passt", "echo No external routable interface >&2; exit 1");
    const { chosen, warnings } = await choose();
    expect(chosen[0]).toBe("slirp");
    expect(warnings[0]).toContain("No external routable interface");
  });

  it("is slirp without a warning where the host's loopback is allowed", async () => {
    await expect(choose({ allowHostLoopback: true })).resolves.toEqual({
      chosen: ["slirp", "slirp"],
      warnings: [],
    });
  });

  it("warns of a slirp that was requested", async () => {
    expect((await choose({ choice: "slirp" })).warnings).toHaveLength(1);
  });

  it("fails where passt was requested and is not to be had", async () => {
    await expect(choose({ choice: "passt" })).rejects.toMatchObject({ code: "MISSING_TOOL" });
    await program("passt", "exit 1");
    await expect(choose({ choice: "passt" })).rejects.toMatchObject({
      code: "UNSUPPORTED",
      data: { option: "network" },
    });
  });
});

describe("passt", () => {
  it("is started with another port when the port was taken meanwhile", async () => {
    const calls = path.join(directory, "calls");
    await program(
      "passt",
      `echo "$@" >>${calls}; [ "$(/bin/grep -c . ${calls})" -lt 3 ] && what="Failed to bind any port" || what="out of luck"
      echo "$what" >&2; exit 1`,
    );
    const start = startPasst({ guestPort: 22, hostLoopback: false, signal, emit: () => undefined });
    await expect(start).rejects.toThrow("passt ended with exit status 1:\nout of luck");
    const ports = (await readFile(calls, "utf8")).match(/127\.0\.0\.1\/\d+:22/g);
    expect(ports).toHaveLength(3);
  });

  it("has no environment of ours, and the caller's signal ends the wait for it", async () => {
    const environment = path.join(directory, "environment");
    await program("passt", `/usr/bin/env >${environment}; exec /bin/sleep 60`);
    vi.stubEnv("MARKER", "secret");
    const controller = new AbortController();
    const start = startPasst({ hostLoopback: false, signal: controller.signal, emit: () => undefined });
    const running = vi.waitFor(async () => {
      expect(await readFile(environment, "utf8")).toContain("PWD=");
      controller.abort();
    }, testTime(10_000));
    await expect(start).rejects.toMatchObject({ code: "CANCELLED" });
    await running;
    await expect(readFile(environment, "utf8")).resolves.not.toContain("MARKER");
  });

  it("that ends by itself is reported as the failure of the network", async ({ skip }) => {
    vi.unstubAllEnvs();
    const options = { guestPort: 22, hostLoopback: false, signal, emit: () => undefined };
    const passt = await startPasst(options).catch((error: unknown) =>
      skip(`no passt here: ${String(error)}`),
    );
    await using _ = passt;
    await expect(listens(passt.hostPort)).resolves.toBe(true);
    process.kill(passt.pid, "SIGKILL");
    await expect(passt.failed).resolves.toMatchObject({ message: "passt ended with signal SIGKILL." });
  });
});

async function listens(port: number): Promise<boolean> {
  const tables = await readFile("/proc/net/tcp", "utf8");
  return tables.includes(`0100007F:${port.toString(16).toUpperCase().padStart(4, "0")} 00000000:0000 0A`);
}
