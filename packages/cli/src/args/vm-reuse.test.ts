import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { mayReuseVm } from "./vm-reuse.ts";

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "reuse-"));
});
afterAll(async () => await rm(directory, { recursive: true }));

const ask = async ({
  args = {},
  env = {},
}: {
  args?: Record<string, boolean | string>;
  env?: Record<string, string>;
}) => await mayReuseVm({ args, env, location: { kind: "qemu", directory } });

it("VMs are reused unless the flag, the environment or the store refuses it", async () => {
  await expect(ask({})).resolves.toBe(true);
  await expect(ask({ env: { OBUILDER_NO_VM_REUSE: "" } })).resolves.toBe(true);
  await expect(ask({ env: { OBUILDER_NO_VM_REUSE: "1" } })).resolves.toBe(false);
  await expect(ask({ args: { "no-vm-reuse": true } })).resolves.toBe(false);
  await expect(ask({ args: { "vm-reuse": "never" } })).resolves.toBe(false);
  await expect(ask({ args: { "vm-reuse": "always" } })).resolves.toBe(true);
  await expect(ask({ args: { "vm-reuse": "always", "no-vm-reuse": true } })).resolves.toBe(false);
  await mkdir(path.join(directory, "state"));
  await expect(ask({})).resolves.toBe(true);
  await writeFile(path.join(directory, "state/no-vm-reuse"), "");
  await expect(ask({})).resolves.toBe(false);
});
