import { describe, expect, it } from "vitest";
import { archNames, guestArchNames, guestArchOf, hostGuestArch } from "./guest-arch.ts";

describe("an architecture", () => {
  it.each([
    ["amd64", "amd64", "x86_64"],
    ["arm64", "arm64", "aarch64"],
    ["armhf", "arm", "armv7l"],
    ["i386", "386", "i686"],
    ["ppc64el", "ppc64le", "ppc64le"],
    ["riscv64", "riscv64", "riscv64"],
    ["s390x", "s390x", "s390x"],
  ] as const)("%s is known by Debian's, OCI's and the kernel's name", (debian, oci, uname) => {
    expect([debian, oci, uname].map(guestArchOf)).toEqual([debian, debian, debian]);
    expect(archNames[debian].oci.architecture).toBe(oci);
    expect(archNames[debian].uname[0]).toBe(uname);
  });

  it("has no name of another", () => {
    const names = guestArchNames.flatMap((arch) => {
      const { uname, oci, node } = archNames[arch];
      return [...new Set([arch, oci.architecture, ...uname])].concat(`node ${node}`);
    });
    expect(new Set(names).size).toBe(names.length);
  });

  it("is not found by a name that only resembles it", () => {
    expect(["", "AMD64", "x86", "ppc64", "armel", "m68k"].map(guestArchOf)).toEqual(
      Array.from({ length: 6 }, () => undefined),
    );
  });
});

it("a host runs guests of its own architecture", () => {
  expect(hostGuestArch("x64")).toBe("amd64");
  expect(hostGuestArch("arm64")).toBe("arm64");
  expect(hostGuestArch("mips")).toBeUndefined();
});
