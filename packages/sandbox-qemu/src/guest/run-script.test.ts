import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { scriptOf } from "../ssh/quote/cygwin.ts";
import { findProfile } from "./registry.ts";

const script = `echo "it's $((1 + 1))" 'a  b'; exit 3`;
const line = (os: string, text: string, { asRoot = true, loginUser = "opam" } = {}) =>
  findProfile(os)(loginUser).runScript(text, { asRoot }).command;

describe("a script for a guest's shell", () => {
  it.each(["linux", "openbsd"])("reaches sh unchanged on %s", (os) => {
    const options = { asRoot: false };
    expect(() => execFileSync("bash", ["-c", line(os, script, options)])).toThrow(
      expect.objectContaining({ status: 3 }),
    );
    const succeeding = line(os, script.replace("exit 3", "exit 0"), options);
    expect(execFileSync("bash", ["-c", succeeding]).toString()).toBe("it's 2 a  b\n");
  });

  it("runs as root in the way of the OS, unless root logs in", () => {
    expect(line("linux", "id")).toMatch(/^exec sudo -n -- /);
    expect(line("openbsd", "id")).toMatch(/^exec \/usr\/bin\/doas -n -- /);
    expect(line("linux", "id", { loginUser: "root" })).toMatch(/^exec \/bin\/sh -c /);
  });

  it("reaches Cygwin's bash unchanged", () => {
    expect(scriptOf(line("windows", script))).toBe(script);
  });
});
