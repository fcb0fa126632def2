import { describe, expect, test } from "vitest";
import { parseImageManifest } from "./image-manifest.ts";

const smallest = { version: 2, guestOs: "linux", guestArch: "amd64", loginUser: "opam" } as const;

function parse(manifest: unknown) {
  return parseImageManifest(JSON.stringify(manifest), "base-image/x.json");
}

test("the smallest manifest says what the guest is and who logs in", () => {
  expect(parse(smallest)).toEqual(smallest);
});

test("a whole manifest is read unchanged", () => {
  const whole = {
    ...smallest,
    name: "debian",
    sshKey: "../state/ssh/id_ed25519",
    directBoot: { kernel: "x.kernel", initrd: "x.initrd", commandLine: "console=ttyS0" },
    diskBus: "sata",
    machine: "q35",
    readyMarker: true,
    snapshotPoints: ["initrd", "ready"],
    rootShellPort: true,
    virtualSize: 2 ** 33,
    sha256: "0".repeat(64),
  };
  expect(parse(whole)).toEqual(whole);
});

test.each([
  { sshKey: "keys/id" },
  { sshKey: "../../state/ssh/id_ed25519" },
  { directBoot: { kernel: "boot/..kernel", initrd: "é (1)", commandLine: "a=b,c ../x" } },
  { machine: "pc-i440fx-7.2" },
  { machine: "microvm" },
])("what is named may be %j", (more) => {
  expect(parse({ ...smallest, ...more })).toEqual({ ...smallest, ...more });
});

test("a guest OS may have a name that only a profile from elsewhere knows", () => {
  expect(parse({ ...smallest, guestOs: "plan9" }).guestOs).toBe("plan9");
});

test("text that is not JSON is an error that names the file", () => {
  expect(() => parseImageManifest("{", "base-image/x.json")).toThrow(
    expect.objectContaining({ code: "BASE_IMAGE", message: expect.stringContaining("base-image/x.json") }),
  );
});

test.each([
  ["version", { ...smallest, version: 3 }],
  ["version", { ...smallest, version: "2" }],
  ["version", { guestOs: "linux", guestArch: "amd64", loginUser: "opam" }],
  ["readyMarker", { ...smallest, readyMarker: "yes" }],
  ["rootShellPort", { ...smallest, rootShellPort: 1 }],
  ["snapshotPoints", { ...smallest, snapshotPoints: "initrd" }],
  ["snapshotPoints.1", { ...smallest, snapshotPoints: ["initrd", "login"] }],
  ["guestOs", { ...smallest, guestOs: "../plan9" }],
  ["guestArch", { ...smallest, guestArch: "m68k" }],
  ["loginUser", { ...smallest, loginUser: "a b" }],
  ["sshKey", { ...smallest, sshKey: "/root/.ssh/id" }],
  ["sshKey", { ...smallest, sshKey: "../id" }],
  ["sshKey", { ...smallest, sshKey: "../state/ssh/../../id" }],
  ["sshKey", { ...smallest, sshKey: "x/../../state/ssh/id" }],
  ["sshKey", { ...smallest, sshKey: "../state/ssh/.." }],
  ["directBoot.kernel", { ...smallest, directBoot: { kernel: "", commandLine: "" } }],
  ["directBoot.kernel", { ...smallest, directBoot: { kernel: "a/../../b", commandLine: "" } }],
  ["directBoot.kernel", { ...smallest, directBoot: { kernel: "../state/ssh/id_ed25519", commandLine: "" } }],
  ["directBoot.initrd", { ...smallest, directBoot: { kernel: "k", initrd: "..", commandLine: "" } }],
  ["directBoot.commandLine", { ...smallest, directBoot: { kernel: "k", commandLine: "a\0b" } }],
  ["directBoot.commandLine", { ...smallest, directBoot: { kernel: "k", commandLine: "x".repeat(5_000) } }],
  ["directBoot.initrd", { ...smallest, directBoot: { kernel: "k", initrd: "a,/b", commandLine: "" } }],
  ["directBoot.initrd", { ...smallest, directBoot: { kernel: "k", initrd: "a\0b", commandLine: "" } }],
  ["machine", { ...smallest, machine: "pc,initrd=/etc/hostname" }],
  ["machine", { ...smallest, machine: "type=pc" }],
  ["machine", { ...smallest, machine: "" }],
  ["virtualSize", { ...smallest, virtualSize: -1 }],
  ["sha256", { ...smallest, sha256: "ABC" }],
])("a wrong %s is named", (field, manifest) => {
  expect(() => parse(manifest)).toThrow(
    expect.objectContaining({ code: "BASE_IMAGE", message: expect.stringContaining(`  ${field}: `) }),
  );
});

test("every wrong field is named at once", () => {
  expect(() => parse({ ...smallest, guestOs: 1, loginUser: "" })).toThrow(/guestOs: [^]*loginUser: /);
});

test("the record of how an image was built is left to what built it", () => {
  expect(parse({ ...smallest, recipe: { name: "debian" } })).toEqual(smallest);
});

test.each([
  ["readymarker", "is not a field of an image manifest. Did you mean readyMarker?"],
  ["somethingElse", "is not a field of an image manifest"],
  ["announcesReady", "version 2 calls it readyMarker"],
  ["resumes", "version 2 calls it snapshotPoints"],
  ["__proto__x", "is not a field of an image manifest"],
])("the unknown field %s is refused", (field, reason) => {
  expect(() => parse({ ...smallest, [field]: true })).toThrow(
    expect.objectContaining({
      code: "BASE_IMAGE",
      message: expect.stringMatching(`\n  ${field}: ${reason.replaceAll(/[?.]/g, "\\$&")}$`),
    }),
  );
});

describe("a manifest of version 1", () => {
  const old = { ...smallest, version: 1 };

  test.each([
    [{}, {}],
    [{ announcesReady: true }, { readyMarker: true }],
    [{ announcesReady: false }, { readyMarker: false }],
    [{ resumes: ["ready"] }, { snapshotPoints: ["ready"] }],
    [{ resumes: [] }, { snapshotPoints: [] }],
    [
      { name: "x", diskBus: "ide", machine: "pc" },
      { name: "x", diskBus: "ide", machine: "pc" },
    ],
  ])("with %j is read as one of version 2 with %j", (then, now) => {
    expect(parse({ ...old, ...then })).toEqual({ ...smallest, ...now });
  });

  test("may have fields that nobody knows", () => {
    expect(parse({ ...old, comment: "kept for the lab", recipe: {} })).toEqual(smallest);
  });

  test.each([
    ["readyMarker", { readyMarker: true }, "version 1 calls it announcesReady"],
    ["snapshotPoints", { snapshotPoints: ["ready"] }, "version 1 calls it resumes"],
    ["announcesReady", { announcesReady: "yes" }, ""],
    ["resumes.0", { resumes: ["login"] }, ""],
    ["guestArch", { guestArch: "m68k" }, ""],
  ])("with a wrong %s is refused", (field, more, reason) => {
    expect(() => parse({ ...old, ...more })).toThrow(
      expect.objectContaining({
        code: "BASE_IMAGE",
        message: expect.stringContaining(`\n  ${field}: ${reason}`),
      }),
    );
  });
});
