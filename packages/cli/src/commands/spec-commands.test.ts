import { describe, expect, it } from "vitest";
import { obuilder } from "../testing/run.ts";

const spec = `; a comment
((from debian-12)
 (run (cache (apt (target /var/cache/apt))) (shell "apt-get update")))`;

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
