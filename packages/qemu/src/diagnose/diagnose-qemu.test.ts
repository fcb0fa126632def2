import { afterEach, describe, expect, it, vi } from "vitest";
import { fakeQemu } from "../testing/fake-qemu.ts";
import { diagnoseQemu } from "./diagnose-qemu.ts";

const { signal } = new AbortController();

afterEach(() => {
  vi.unstubAllEnvs();
});

const answering = (types: readonly string[], version = "8.1.0"): string => `
if (argv[0] === "--version") { console.log("QEMU emulator version ${version}"); process.exit(0); }
if (!argv.includes("none") || !argv.includes("-machine")) process.exit(1);
speakQmp({ on: {
  "qom-list-types": () => ${JSON.stringify(types.map((name) => ({ name })))},
  "query-migrate-capabilities": () => [{ capability: "xbzrle", state: false }],
} });`;

describe("the diagnosis of QEMU", () => {
  it("names the devices and abilities that are missing", async () => {
    const types = ["virtio-blk-pci", "virtio-net-pci", "virtio-rng-pci", "pvpanic"];
    await using qemu = await fakeQemu(answering(types));
    vi.stubEnv("PATH", qemu.path);
    const found = await diagnoseQemu("amd64", signal);
    expect(found).toMatchObject({
      version: "8.1.0",
      missing: ["vmgenid", "memory-backend-memfd", "x-ignore-shared"],
      accelerator: { name: "tcg" },
    });
  });

  it("says that a QEMU is too old", async () => {
    await using qemu = await fakeQemu(answering([], "6.2.0"));
    vi.stubEnv("PATH", qemu.path);
    const { version, missing } = await diagnoseQemu("amd64", signal);
    expect(version).toBe("6.2.0");
    expect(missing[0]).toBe("what QEMU 7.2 and newer have");
  });

  it("says so if QEMU is not installed, and if it does not answer", async () => {
    vi.stubEnv("PATH", "/nowhere");
    await expect(diagnoseQemu("riscv64", signal)).resolves.toMatchObject({
      version: undefined,
      passtObstacle: "qemu-system-riscv64 is not installed",
    });
    vi.unstubAllEnvs();
    await using qemu = await fakeQemu("console.error('broken'); process.exit(1)");
    vi.stubEnv("PATH", qemu.path);
    const { missing } = await diagnoseQemu("amd64", signal);
    expect(missing[0]).toContain("an answer (");
  });
});
