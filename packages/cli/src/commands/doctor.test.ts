import { type GuestArch, guestArchNames, hostGuestArch } from "@ob/core";
import { describe, expect, it } from "vitest";
import { fakeServices, obuilder } from "../testing/run.ts";

const own = hostGuestArch() ?? "amd64";

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
      diagnoseQemu: async (arch: GuestArch) => ({
        ...{ arch, binary: "qemu-system-x86_64", version: undefined, accelerator: undefined },
        ...{ missing: [], missingFirmware: [], passtObstacle: "QEMU is not installed" },
      }),
    };
    const { code, stdout } = await obuilder(["doctor", "--json"], { services });
    expect(code).toBe(4);
    const [first] = stdout.split("\n").map((line): unknown => (line === "" ? undefined : JSON.parse(line)));
    expect(first).toEqual({
      name: `QEMU ${own}`,
      state: "failure",
      text: `qemu-system-x86_64 is not installed: no ${own} guests`,
      help: "On Debian or Ubuntu: sudo apt-get install qemu-system-x86",
    });
    expect(stdout.match(/is not installed: no/g)).toHaveLength(1);
    const others = guestArchNames.filter((arch) => arch !== own).join(", ");
    expect(JSON.parse(stdout.split("\n")[1] ?? "")).toMatchObject({
      name: "QEMU others",
      state: "ok",
      text: `not installed: no ${others} guests`,
    });
  });

  it("needs no store, but refuses one that cannot be", async () => {
    expect((await obuilder(["doctor"], { services: fakeServices() })).stdout).not.toMatch(/^\w+ +store /m);
    const { code } = await obuilder(["doctor", "--store=zfs:x"], { services: fakeServices() });
    expect(code).toBe(2);
  });
});
