import { link, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { diskUsage } from "./disk-usage.ts";
import { run } from "./exec.ts";

it("disk usage is what du -s counts: with directories, without holes, each file once", async () => {
  const directory = await mkdtemp(join(tmpdir(), "ob-usage-"));
  try {
    await mkdir(join(directory, "a/b"), { recursive: true });
    await writeFile(join(directory, "a/file"), Buffer.alloc(300_000, 1));
    await link(join(directory, "a/file"), join(directory, "a/b/twin"));
    await writeFile(join(directory, "sparse"), "x");
    await truncate(join(directory, "sparse"), 2 ** 30);
    await symlink("/usr", join(directory, "link"));
    const { stdout } = await run(["du", "-s", "--block-size=1", directory]);
    expect(await diskUsage(directory)).toBe(Number.parseInt(stdout, 10));
    const seen = new Set<string>();
    const parts = [await diskUsage(join(directory, "a"), seen), await diskUsage(directory, seen)];
    expect(parts[0]).toBeGreaterThanOrEqual(300_000);
    expect((parts[0] ?? 0) + (parts[1] ?? 0)).toBe(Number.parseInt(stdout, 10));
  } finally {
    await rm(directory, { recursive: true });
  }
});

it("what does not exist takes no space", async () => {
  expect(await diskUsage("/nonexistent/file")).toBe(0);
});
