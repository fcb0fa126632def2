import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { scriptOf } from "../ssh/quote/cygwin.ts";
import { shellCommandLine } from "./shell-command-line.ts";

const script = `echo "it's $((1 + 1))" 'a  b'; exit 3`;

describe("a line of a trial", () => {
  it.each(["linux", "openbsd"] as const)("has a %s guest's sh run the script as it stands", (os) => {
    const { command } = shellCommandLine(os, { script, asRoot: false, loginUser: "opam" });
    expect(() => execFileSync("bash", ["-c", command])).toThrow(expect.objectContaining({ status: 3 }));
    const succeeding = shellCommandLine(os, {
      script: script.replace("exit 3", "exit 0"),
      asRoot: false,
      loginUser: "opam",
    });
    expect(execFileSync("bash", ["-c", succeeding.command]).toString()).toBe("it's 2 a  b\n");
  });

  it("becomes root by what the system has, unless root logs in", () => {
    expect(shellCommandLine("linux", { script: "id", asRoot: true, loginUser: "opam" }).command).toMatch(
      /^exec sudo -n -- /,
    );
    expect(shellCommandLine("openbsd", { script: "id", asRoot: true, loginUser: "opam" }).command).toMatch(
      /^exec \/usr\/bin\/doas -n -- /,
    );
    expect(shellCommandLine("linux", { script: "id", asRoot: true, loginUser: "root" }).command).toMatch(
      /^exec \/bin\/sh -c /,
    );
  });

  it("reaches Cygwin's bash whole", () => {
    expect(scriptOf(shellCommandLine("windows", { script, asRoot: true, loginUser: "opam" }).command)).toBe(
      script,
    );
  });
});
