import { spawn } from "node:child_process";
import { describe, expect, it, vi } from "vitest";
import { newMachineId } from "@ob/qemu";
import { linuxGuest } from "../guest/linux/profile.ts";
import { identify } from "./identify.ts";
import { openSession } from "../ssh/session.ts";
import { newKey, startServer } from "../testing/ssh-server.ts";

const { signal } = new AbortController();
const profile = linuxGuest("opam");

/** Identifies a machine that prints these texts, one for each command. Resolves with the number of commands. */
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
  await identify({ session, machineId, profile, timeoutMs: 120_000, signal });
  return asked;
}

describe("the machine at the other end of a connection", () => {
  it("is the VM if it prints its machine id, whatever else its login shell prints", async () => {
    const id = newMachineId();
    await expect(identifyOne(id, [`Welcome!\nobuilder-cache-001\n${id}`])).resolves.toBe(1);
  });

  it("is another machine if it prints another id, and is not asked again", async () => {
    await expect(identifyOne(newMachineId(), [newMachineId()])).rejects.toMatchObject({
      code: "WRONG_MACHINE",
      message: expect.stringContaining("Another virtual machine answers"),
    });
  });

  it("is another machine if only its SMBIOS tables show the id, as those of a guest resumed from the VM's snapshot do", async () => {
    const saved = newMachineId();
    // Linux prints serial numbers without a newline.
    await expect(identifyOne(saved, [`obuilder-cache-001${newMachineId()}${saved}\n`])).rejects.toMatchObject(
      {
        code: "WRONG_MACHINE",
      },
    );
  });

  it("is the VM if its disk shows the id, and its SMBIOS tables that of the VM whose snapshot it was resumed from", async () => {
    const id = newMachineId();
    await expect(identifyOne(id, [`${id}${newMachineId()}\n`])).resolves.toBe(1);
  });

  it("is asked again while it prints no id: it may still be starting", async () => {
    const id = newMachineId();
    await expect(identifyOne(id, ["", "motd\n", id])).resolves.toBe(3);
  });

  it("is not taken for the VM if it never prints an id", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const identifying = identifyOne(newMachineId(), ["an unrelated machine\n"]);
      const over = identifying.then(
        () => true,
        () => true,
      );
      while (!(await Promise.race([over, new Promise((resolve) => setImmediate(resolve, false))]))) {
        await vi.advanceTimersByTimeAsync(1_000);
      }
      await expect(identifying).rejects.toMatchObject({
        code: "WRONG_MACHINE",
        message: expect.stringContaining("cannot prove that it is that virtual machine"),
      });
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("a machine id", () => {
  it("fits the serial number of a disk, and is different each time", () => {
    const ids = Array.from({ length: 100 }, newMachineId);
    for (const id of ids) expect(id).toMatch(/^obuilder-[\w-]{11}$/);
    expect(new Set(ids).size).toBe(100);
  });
});

describe("the identity command of a Linux guest", () => {
  it("only reads, and succeeds if there is nothing to read", async () => {
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
