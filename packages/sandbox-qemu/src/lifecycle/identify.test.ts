import { spawn } from "node:child_process";
import { describe, expect, it, vi } from "vitest";
import { linuxGuest } from "../guest/linux/profile.ts";
import { identify } from "./identify.ts";
import { newMachineId } from "../vm/machine-id.ts";
import { openSession } from "../ssh/session.ts";
import { newKey, startServer } from "../testing/ssh-server.ts";

const { signal } = new AbortController();
const profile = linuxGuest("opam");

/** Identifies what prints these texts, one for each time that it is asked. Resolves with how often it was. */
async function identifyOne(machineId: string, answers: readonly string[]): Promise<number> {
  const key = newKey();
  let asked = 0;
  await using server = await startServer({
    accepts: key,
    onExec: (_command, channel) => {
      channel.write(answers[Math.min(asked, answers.length - 1)] ?? "");
      asked += 1;
      channel.exit(0);
      channel.end();
    },
  });
  const keys = [{ kind: "key", label: "k", key }] as const;
  await using session = await openSession(await server.connect(), { user: "opam", keys, signal });
  await identify({ session, machineId, profile, signal });
  return asked;
}

describe("the machine at the other end of a connection", () => {
  it("is ours if it shows our identity, whatever its login shell says besides", async () => {
    const id = newMachineId();
    await expect(identifyOne(id, [`Welcome!\nobuilder-cache-001\n${id}`])).resolves.toBe(1);
  });

  it("is another if it shows another identity, and is asked no more", async () => {
    await expect(identifyOne(newMachineId(), [newMachineId()])).rejects.toMatchObject({
      code: "WRONG_MACHINE",
      message: expect.stringContaining("Another virtual machine answers"),
    });
  });

  it("is asked again while it shows nothing: it may be starting", async () => {
    const id = newMachineId();
    await expect(identifyOne(id, ["", "motd\n", id])).resolves.toBe(3);
  });

  it("is not taken for ours if it never shows anything", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const identifying = identifyOne(newMachineId(), ["a machine of somebody else's\n"]);
      const over = identifying.then(
        () => true,
        () => true,
      );
      while (!(await Promise.race([over, new Promise((resolve) => setImmediate(resolve, false))]))) {
        await vi.advanceTimersByTimeAsync(1_000);
      }
      await expect(identifying).rejects.toMatchObject({
        code: "WRONG_MACHINE",
        message: expect.stringContaining("does not show that it is that machine"),
      });
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("an identity", () => {
  it("fits a disk's serial number, and is another each time", () => {
    const ids = Array.from({ length: 100 }, newMachineId);
    for (const id of ids) expect(id).toMatch(/^obuilder-[\w-]{11}$/);
    expect(new Set(ids).size).toBe(100);
  });
});

describe("the look of a Linux guest", () => {
  it("reads only, and ends well where there is nothing to read", async () => {
    const child = spawn("/bin/sh", ["-c", `cd /; ${profile.identity}`], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (bytes: Buffer) => (said += bytes.toString()));
    await new Promise((resolve) => child.once("close", resolve));
    expect(said).toBe("");
    expect(profile.identity).not.toMatch(/sudo|>(?!\/dev\/null)/);
  });
});
