import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { hostileStrings } from "../../testing/hostile-strings.ts";
import { cygwinCommand, scriptOf } from "./cygwin.ts";
import { encodePowershell } from "./powershell.ts";
import { quoteWords } from "./posix.ts";

describe("a script for Cygwin's bash", () => {
  it("becomes a line that no shell in between can change", () => {
    expect(cygwinCommand(`echo "it's"`)).toBe(". <(echo ZWNobyAiaXQncyI= | /usr/bin/base64 -d)");
    for (const word of hostileStrings.slice(0, -1)) {
      expect(cygwinCommand(word)).toMatch(/^[A-Za-z0-9+/=<(|). -]+$/);
      if (word !== "") expect(scriptOf(cygwinCommand(word))).toBe(word);
    }
  });

  it.each(hostileStrings.slice(0, -1))("passes a word on unchanged: %j", (word) => {
    const line = cygwinCommand(quoteWords(["printf", String.raw`%s\0`, word]));
    expect(execFileSync("/bin/bash", ["-c", line]).toString()).toBe(`${word}\0`);
  });

  it("survives the double quotes that Windows' sshd puts around it", () => {
    const line = cygwinCommand(quoteWords(["printf", String.raw`%s\0`, ...hostileStrings.slice(0, 30)]));
    const output = execFileSync("/bin/sh", ["-c", `bash -c "${line}"`]).toString();
    expect(output.split("\0").slice(0, -1)).toEqual(hostileStrings.slice(0, 30));
  });

  it("has the client's standard input, and its own status", () => {
    const input = "from the client\n";
    expect(execFileSync("/bin/bash", ["-c", cygwinCommand("exec cat")], { input }).toString()).toBe(input);
    expect(() => execFileSync("/bin/bash", ["-c", cygwinCommand("exit 7\necho no")])).toThrow(
      expect.objectContaining({ status: 7 }),
    );
  });

  it("is rejected if it is too long for Windows", () => {
    const refusal = expect.objectContaining({ code: "UNSUPPORTED" });
    expect(() => cygwinCommand("x".repeat(25_000))).toThrow(refusal);
    expect(() => cygwinCommand("a\0b")).toThrow(refusal);
  });
});

it("a script for PowerShell is UTF-16 in base64", () => {
  expect(encodePowershell("é")).toBe("6QA=");
});
