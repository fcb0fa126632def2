import { describe, expect, it } from "vitest";
import { fakeServices, obuilder } from "../testing/run.ts";

describe("doctor", () => {
  it("prints one line for each check, with what to do below it", async () => {
    const { code, stdout } = await obuilder(["doctor", "--store=qemu:/does/not/exist"], {
      services: fakeServices(),
    });
    expect(stdout).toMatch(/^ok {4}QEMU amd64 {4}qemu-system-amd64 9\.2\.0/m);
    expect(stdout).toMatch(
      /^warn {2}store {9}there is none at \/does\/not\/exist\n {20}`obuilder image build/m,
    );
    expect(code).toBe(stdout.includes("\nfail ") ? 4 : 0);
  });

  it("fails if builds cannot run, and says so in JSON", async () => {
    const services = {
      ...fakeServices(),
      diagnoseQemu: async (arch: "amd64" | "riscv64") => ({
        ...{ arch, binary: "qemu-system-x86_64", version: undefined, accelerator: undefined },
        ...{ missing: [], missingFirmware: [], passtObstacle: "QEMU is not installed" },
      }),
    };
    const { code, stdout } = await obuilder(["doctor", "--json"], { services });
    expect(code).toBe(4);
    const [first] = stdout.split("\n").map((line): unknown => (line === "" ? undefined : JSON.parse(line)));
    expect(first).toEqual({
      name: "QEMU amd64",
      state: process.arch === "riscv64" ? "warning" : "failure",
      text: "qemu-system-x86_64 is not installed: no amd64 guests",
      help: "On Debian or Ubuntu: sudo apt-get install qemu-system-x86",
    });
  });

  it("needs no store, but refuses one that cannot be", async () => {
    expect((await obuilder(["doctor"], { services: fakeServices() })).stdout).not.toMatch(/^\w+ +store /m);
    const { code } = await obuilder(["doctor", "--store=zfs:x"], { services: fakeServices() });
    expect(code).toBe(2);
  });
});
