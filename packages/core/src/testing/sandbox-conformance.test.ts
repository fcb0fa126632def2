import { Readable } from "node:stream";
import { describe, it } from "vitest";
import { sandboxConformance } from "./conformance/sandbox.ts";
import { hostSandbox } from "./doubles/host-sandbox.ts";

describe("FakeSandbox", () => {
  const cases = sandboxConformance(async () => {
    const sandbox = hostSandbox();
    return {
      sandbox,
      image: { manifest: undefined, manifestDirectory: "/" },
      createDisk: async () => "/a/disk.qcow2",
      openArchive: () => Readable.from([Buffer.alloc(1024)]),
      [Symbol.asyncDispose]: async () => await sandbox[Symbol.asyncDispose](),
    };
  });
  for (const { name, run } of cases) it(name, run);
});
