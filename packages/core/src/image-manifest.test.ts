import { expect, test } from "vitest";
import { parseImageManifest } from "./image-manifest.ts";

const smallest = { version: 1, guestOs: "linux", guestArch: "amd64", loginUser: "opam" } as const;

function parse(manifest: unknown) {
  return parseImageManifest(JSON.stringify(manifest), "base-image/x.json");
}

test("the smallest manifest says what the guest is and who logs in", () => {
  expect(parse(smallest)).toEqual(smallest);
});

test("a whole manifest is read as it stands", () => {
  const whole = {
    ...smallest,
    name: "debian",
    sshKey: "../state/ssh/id_ed25519",
    directBoot: { kernel: "x.kernel", initrd: "x.initrd", commandLine: "console=ttyS0" },
    virtualSize: 2 ** 33,
    sha256: "0".repeat(64),
  };
  expect(parse(whole)).toEqual(whole);
});

test("text that is no JSON is an error that names the file", () => {
  expect(() => parseImageManifest("{", "base-image/x.json")).toThrow(
    expect.objectContaining({ code: "BASE_IMAGE", message: expect.stringContaining("base-image/x.json") }),
  );
});

test.each([
  ["version", { ...smallest, version: 2 }],
  ["guestOs", { ...smallest, guestOs: "plan9" }],
  ["guestArch", { ...smallest, guestArch: "m68k" }],
  ["loginUser", { ...smallest, loginUser: "a b" }],
  ["sshKey", { ...smallest, sshKey: "/root/.ssh/id" }],
  ["directBoot.kernel", { ...smallest, directBoot: { kernel: "", commandLine: "" } }],
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
