import { type GuestImage, guestOsNames, type ImageManifest } from "@ob/core";
import { describe, expect, it } from "vitest";
import { linuxGuest } from "./linux/profile.ts";
import { windowsGuest } from "./windows/profile.ts";
import { resolveGuest, guestProfile } from "./resolve-guest.ts";

const manifest: ImageManifest = {
  version: 2,
  name: "debian",
  guestOs: "linux",
  guestArch: "amd64",
  loginUser: "builder",
  sshKey: "../state/ssh/id_ed25519",
  directBoot: { kernel: "debian.kernel", commandLine: "console=ttyS0" },
};
const image = (changes: Partial<ImageManifest> = {}): GuestImage => ({
  manifest: { ...manifest, ...changes },
  manifestDirectory: "/store/base-image",
});
const bare: GuestImage = { manifest: undefined, manifestDirectory: "/store/base-image" };

describe("a guest", () => {
  it("is what its manifest says, with paths relative to the manifest", () => {
    expect(resolveGuest(image(), {})).toEqual({
      os: "linux",
      profile: expect.objectContaining({ os: "linux" }),
      arch: "amd64",
      loginUser: "builder",
      sshKey: "/store/state/ssh/id_ed25519",
      directBoot: {
        kernel: "/store/base-image/debian.kernel",
        initrd: undefined,
        commandLine: "console=ttyS0",
      },
      hardware: {},
      readyMarker: false,
      snapshotPoints: [],
      rootShellPort: false,
    });
  });

  it("has a root shell on a port only where its manifest says when it is ready, on the usual machine", () => {
    const whole = image({ readyMarker: true, rootShellPort: true });
    expect(resolveGuest(whole, {}).rootShellPort).toBe(true);
    expect(resolveGuest(image({ readyMarker: true }), {}).rootShellPort).toBe(false);
    expect(resolveGuest(image({ rootShellPort: true }), {}).rootShellPort).toBe(false);
    expect(resolveGuest(whole, { hardware: { machine: "microvm" } }).rootShellPort).toBe(false);
    const other = image({ readyMarker: true, rootShellPort: true, machine: "isapc" });
    expect(resolveGuest(other, {}).rootShellPort).toBe(false);
  });

  it("is resumed in its initrd only if it says when it is ready", () => {
    const both = image({ readyMarker: true, snapshotPoints: ["initrd", "ready"] });
    expect(resolveGuest(both, {}).snapshotPoints).toEqual(["initrd", "ready"]);
    const silent = image({ snapshotPoints: ["initrd", "ready"] });
    expect(resolveGuest(silent, {}).snapshotPoints).toEqual(["ready"]);
  });

  it("has the hardware of its manifest, unless a flag overrides it", () => {
    const odd = image({ diskBus: "sata", machine: "q35" });
    expect(resolveGuest(odd, {}).hardware).toEqual({ diskBus: "sata", machine: "q35" });
    expect(resolveGuest(odd, { hardware: { diskBus: "ide", cpu: "max" } }).hardware).toEqual({
      diskBus: "ide",
      machine: "q35",
      cpu: "max",
    });
    expect(resolveGuest(bare, { hardware: { machine: "isapc" } }).hardware).toEqual({ machine: "isapc" });
  });

  it("without a manifest is what the flags say, with the original's defaults", () => {
    expect(resolveGuest(bare, {})).toMatchObject({ os: "linux", arch: "amd64", loginUser: "opam" });
    expect(resolveGuest(bare, { guestOs: "openbsd" })).toMatchObject({
      os: "openbsd",
      directBoot: undefined,
    });
  });

  it("accepts flags that agree with the manifest, and rejects others", () => {
    expect(resolveGuest(image(), { guestOs: "linux", guestArch: "amd64" }).os).toBe("linux");
    expect(() => resolveGuest(image(), { guestOs: "windows" })).toThrow(
      expect.objectContaining({
        code: "USAGE",
        message: "--qemu-guest-os=windows contradicts the manifest of debian, which says linux.",
      }),
    );
    expect(() => resolveGuest(image(), { guestArch: "riscv64" })).toThrow(/--qemu-guest-arch/);
  });

  it.each(guestOsNames)("has the profile of its OS: %s", (guestOs) => {
    expect(guestProfile(resolveGuest(image({ guestOs }), {})).os).toBe(guestOs);
  });

  it("accepts an additional profile, and one that replaces a built-in one", () => {
    const profiles = { plan9: linuxGuest, openbsd: windowsGuest };
    expect(guestProfile(resolveGuest(image({ guestOs: "plan9" }), { profiles })).os).toBe("linux");
    expect(guestProfile(resolveGuest(bare, { guestOs: "plan9", profiles })).os).toBe("linux");
    expect(guestProfile(resolveGuest(image({ guestOs: "openbsd" }), { profiles })).os).toBe("windows");
  });

  it.each(["plan9", "constructor"])(
    "without a profile is an error that lists the known ones: %s",
    (guestOs) => {
      expect(() => resolveGuest(image({ guestOs }), { profiles: { freebsd: linuxGuest } })).toThrow(
        expect.objectContaining({
          code: "UNSUPPORTED",
          message: `There is no guest profile for "${guestOs}", only for linux, openbsd, windows, freebsd.`,
        }),
      );
    },
  );
});
