import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "@ob/core";
import { expect, it } from "vitest";
import { confineTool } from "./confined-tool.ts";

it("a confined program sees its files and the system only, and has no privileges", async ({ skip }) => {
  const directory = await mkdtemp(join(tmpdir(), "confined-"));
  const file = join(directory, "in");
  try {
    await writeFile(file, "text", { mode: 0o600 });
    await writeFile(join(directory, "hidden"), "");
    await using tool = await confineTool([
      { kind: "read", source: file, target: file },
      { kind: "write", source: directory, target: "/out" },
    ]);
    const [program, ...args] = tool.command;
    if (program === undefined) return skip("this host does not permit it");
    const script = `cat "$1" >/out/copy; for file in "$1" "$2" /etc/shadow /etc/passwd; do test ! -e "$file" || echo "$file"; done
      grep -e CapEff -e NoNewPrivs /proc/self/status`;
    const shell = ["sh", "-c", script, "sh", file, join(directory, "hidden")];
    const { stdout } = await run([program, ...args, ...shell]);
    const [seen, ...status] = stdout.split("\n");
    expect(seen).toBe(file);
    // CAP_DAC_READ_SEARCH at most, to read the files of others.
    expect(status.join("\n")).toMatch(/^CapEff:\t0{15}[04]\nNoNewPrivs:\t1$/);
    expect(await readFile(join(directory, "copy"), "utf8")).toBe("text");
  } finally {
    await rm(directory, { recursive: true });
  }
});
