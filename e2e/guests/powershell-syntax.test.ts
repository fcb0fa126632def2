import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { prepareDisks } from "../../packages/sandbox-qemu/src/guest/windows/prepare-disks.ts";
import { powershellParser, powershellScripts } from "../../scripts/powershell-syntax.mjs";

const errorsIn = await powershellParser();
const root = path.join(import.meta.dirname, "../..");

describe("PowerShell", () => {
  it.each(powershellScripts())("has no error of syntax: %s", async (file) => {
    const script = await readFile(path.join(root, file), "utf8");
    expect(errorsIn(script)).toEqual([]);
    // A brace less is found.
    expect(errorsIn(script.replace("{", ""))).not.toEqual([]);
  });

  it("has no error of syntax in the script that is sent", () => {
    expect(errorsIn(prepareDisks([true, false]))).toEqual([]);
  });

  it.each(["if ($a { b }", "$x = 'abc", "try { a", "$x = (1", "Get-Disk | "])("reports %s", (script) => {
    expect(errorsIn(script)).not.toEqual([]);
  });

  it("is looked for in the images and in the guest profiles", () => {
    expect(powershellScripts().map((file) => path.basename(file))).toEqual([
      "install.ps1",
      "prepare-disks.ps1",
    ]);
  });
});
