import { Readable } from "node:stream";
import { layerId, ObError, type RunTask, type Sandbox, type SandboxStep, sha256 } from "@ob/core";
import { FakeSandbox, hostSandbox, sandboxConformance } from "@ob/core/testing";
import { describe, expect, it } from "vitest";
import { LazySandbox } from "./lazy-sandbox.ts";

const image = { manifest: undefined, manifestDirectory: "/" };
const task: RunTask = {
  ...{ kind: "run", command: "true", shell: [], workdir: "/", user: undefined, environment: [] },
  ...{ network: "none", caches: [], secrets: [] },
};
const step: SandboxStep = { layer: layerId(sha256("x")), disk: "/a/disk.qcow2", image, task };

/** With what it has created. */
function lazily(create: () => FakeSandbox = () => new FakeSandbox()) {
  const created: FakeSandbox[] = [];
  const guest: Sandbox["guest"] = (of) => new FakeSandbox().guest(of);
  const sandbox = new LazySandbox({
    distinctTargets: true,
    guest,
    create: async () => {
      const made = create();
      created.push(made);
      return made;
    },
  });
  return { sandbox, created };
}

describe("a sandbox that is created when something runs", () => {
  const cases = sandboxConformance(async () => {
    const { sandbox } = lazily(hostSandbox);
    return {
      ...{ sandbox, image },
      createDisk: async () => "/a/disk.qcow2",
      openArchive: () => Readable.from([Buffer.alloc(1024)]),
      [Symbol.asyncDispose]: async () => await sandbox[Symbol.asyncDispose](),
    };
  });
  for (const { name, run } of cases) it(name, run);

  it("is not for what describes its guests, nor for a session without a step", async () => {
    const { sandbox, created } = lazily();
    expect(sandbox.guest(image).os).toBe("linux");
    expect(sandbox.distinctTargets).toBe(true);
    await sandbox.openSession()[Symbol.asyncDispose]();
    await sandbox[Symbol.asyncDispose]();
    expect(created).toEqual([]);
  });

  it("is created once, however many sessions run steps", async () => {
    const { sandbox, created } = lazily();
    const sessions = [sandbox.openSession(), sandbox.openSession()];
    await Promise.all(sessions.map((session) => session.run(step)));
    await Promise.all(sessions.map((session) => session[Symbol.asyncDispose]()));
    await sandbox.run(step);
    expect(created.map(({ steps, openSessions }) => [steps.length, openSessions])).toEqual([[3, 0]]);
  });

  it("fails each step that needs it with the reason why it cannot be, and is disposed of quietly", async () => {
    const refused = new ObError("UNSUPPORTED", "no");
    const { sandbox } = lazily(() => {
      throw refused;
    });
    const session = sandbox.openSession();
    await expect(session.run(step)).rejects.toBe(refused);
    await expect(sandbox.run(step)).rejects.toBe(refused);
    await session[Symbol.asyncDispose]();
    await sandbox[Symbol.asyncDispose]();
  });
});
