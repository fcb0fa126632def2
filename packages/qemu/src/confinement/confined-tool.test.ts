import { mkdtemp, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "@ob/core";
import { createDisk, createOverlay, findDamage } from "@ob/qcow2";
import { expect, it } from "vitest";
import { confineReader, confineTool } from "./confined-tool.ts";

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

it("a disk from elsewhere is checked alone: not with the files below it, or beside it", async () => {
  const directory = await mkdtemp(join(tmpdir(), "confined-"));
  const at = (name: string): string => join(directory, name);
  try {
    await createDisk(at("base"), { size: 2 ** 20 });
    await createOverlay(at("overlay"), { backing: "base" });
    await symlink(at("overlay"), at("link"));
    await rm(at("base"));
    const commands: (readonly string[])[] = [];
    const confine = async (file: string) => {
      const tool = await confineReader(file);
      commands.push(tool.command);
      return tool;
    };
    expect(await findDamage(at("overlay"), { confine })).toBeUndefined();
    expect(await findDamage(at("link"), { confine })).toBeUndefined();
    await truncate(at("overlay"), 100_000);
    expect(await findDamage(at("overlay"), { confine })).toMatch(/outside image/);
    expect(await findDamage(at("none"))).toContain(`Could not open '${at("none")}'`);
    expect(commands).toHaveLength(3);
  } finally {
    await rm(directory, { recursive: true });
  }
});
