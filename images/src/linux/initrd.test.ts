import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { guestFiles, readGuest } from "../../debian/guest-files.ts";
import { bookworm } from "../../debian/releases.ts";
import { modules } from "../../debian/packages.ts";
import { renderTemplate } from "./initrd.ts";

test("every placeholder of the default image's initrd script has a value, and the result is a shell script", async () => {
  const values = new Map(Object.keys(modules).map((use) => [use, `module_of_${use.toLowerCase()}`]));
  const script = renderTemplate(await readGuest("initrd-init"), values.set("LABEL", "some-root"));
  expect(script).toContain("findfs LABEL=some-root");
  expect(script).toContain('card="module_of_e1000e"');
  execFileSync("sh", ["-n"], { input: script });
});

test("a placeholder without a value is an error", () => {
  expect(() => renderTemplate("load @EXT4@", new Map())).toThrow(/no value for @EXT4@/);
});

test("the default image's scripts are valid and executable, and only root can read the sudo rules", async () => {
  const files = await guestFiles({ release: bookworm, user: "opam", powerButton: true });
  const scripts = files.filter(({ contents }) => contents.startsWith("#!"));
  expect(scripts.length).toBeGreaterThan(4);
  for (const { mode, contents } of scripts) {
    expect(mode).toBe(0o755);
    execFileSync("sh", ["-n"], { input: contents });
  }
  expect(files.find(({ path }) => path === "etc/sudoers.d/opam")?.mode).toBe(0o440);
});
