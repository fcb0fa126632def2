import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadGuestProfiles } from "./guest-profiles.ts";
import { temporaryDirectory } from "./testing/directory.ts";

const whole = `export const profile = () => ({
  os: "plan9", cacheFileSystem: "fossil", rootAccess: "", imageChecks: [], identity: "true",
  panicPattern: /x/, sshReadyPattern: /x/, prepare: {}, unpack: {}, shutdown: "acpi",
  ...Object.fromEntries(
    ["copyTarget", "copySource", "mount", "run", "unmount", "flush", "readArchive", "runScript"]
      .map((name) => [name, () => ({})])),
});`;

async function load(...texts: readonly string[]) {
  await using directory = await temporaryDirectory();
  const files = texts.map((_, index) => join(directory.path, `profile-${index}.mjs`));
  await Promise.all(files.map((file, index) => writeFile(file, texts[index] ?? "")));
  return await loadGuestProfiles(files);
}

describe("guest profiles of files", () => {
  it("have the names of their guest OS", async () => {
    const profiles = await load(whole, whole.replace("plan9", "inferno"));
    expect(Object.keys(profiles)).toEqual(["plan9", "inferno"]);
    expect(profiles["inferno"]?.("glenda").cacheFileSystem).toBe("fossil");
    expect(await loadGuestProfiles([])).toEqual({});
  });

  it.each([
    ["export const other = 1;", "exports no function `profile`"],
    ["export const profile = {};", "exports no function `profile`"],
    ["export const profile = ;", "cannot be loaded"],
    ['export const profile = () => { throw new Error("no such user"); };', "that fails: no such user"],
    [whole.replace("rootAccess", "other").replace("identity", "more"), "without rootAccess, identity"],
    [whole.replace("plan9", "Plan 9"), '`os` "Plan 9"'],
  ])("are refused with a reason: %s", async (text, words) => {
    await expect(load(text)).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining(words),
    });
  });

  it("must be there", async () => {
    await expect(loadGuestProfiles(["/no/such.ts"])).rejects.toMatchObject({ code: "USAGE" });
  });
});
