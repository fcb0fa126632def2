import { describe, expect, it } from "vitest";
import { createInterrupts, obuilder } from "../testing/run.ts";

const spec = `; a comment
((from debian-12)
 (run (cache (apt (target /var/cache/apt))) (shell "apt-get update")))`;

describe("fmt", () => {
  it("formats the spec, from standard input without -f", async () => {
    const result = await obuilder(["fmt"], { stdin: spec });
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(await obuilder(["fmt"], { stdin: result.stdout })).toEqual(result);
  });

  it("prints the machine form with --machine", async () => {
    const result = await obuilder(["fmt", "--machine"], { stdin: spec });
    expect(result.stdout).toBe(
      '((from debian-12)(run(cache(apt(target /var/cache/apt)))(shell"apt-get update")))\n',
    );
  });

  it("needs -f if standard input is a terminal", async () => {
    const stdin = { isTTY: true, async *[Symbol.asyncIterator]() {} };
    const result = await obuilder(["fmt"], { stdin });
    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toContain("No spec is given.\nHint: Add -f FILE");
  });

  it("stops waiting for standard input when it is interrupted", async () => {
    const stdin = {
      async *[Symbol.asyncIterator]() {
        yield await new Promise<string>(() => {});
      },
    };
    const interrupts = createInterrupts();
    setImmediate(() => interrupts.interrupt("SIGINT"));
    const result = await obuilder(["fmt", "-f", "-"], { stdin, interrupts });
    expect(result).toMatchObject({ code: 130, stderr: "Cancelled at user's request\n" });
  });
});

describe("dockerfile", () => {
  it("converts to the plain form, BuildKit's, and with the escapes of Windows", async () => {
    const plain = await obuilder(["dockerfile", "-f", "-"], { stdin: spec });
    expect(plain).toMatchObject({ code: 0, stderr: "" });
    expect(plain.stdout).toMatch(/^FROM debian-12\n/);
    expect(plain.stdout).toContain("RUN apt-get update\n");
    const buildkit = await obuilder(["dockerfile", "--buildkit", "-f", "-"], { stdin: spec });
    expect(buildkit.stdout).toContain("--mount=type=cache");
    const windows = await obuilder(["dockerfile", "--escape=windows", "-f", "-"], { stdin: spec });
    expect(windows.stdout).toContain("escape=`");
  });

  it("refuses an unknown escape style", async () => {
    const result = await obuilder(["dockerfile", "--escape=dos", "-f", "-"], { stdin: spec });
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('--escape takes unix, windows, not "dos".');
  });
});
