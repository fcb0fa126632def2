import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { hasDockerRegistry, startDockerRegistry } from "@ob/registry/testing";
import { execa } from "execa";
import { expect, test } from "vitest";
import { build, obuilder } from "./support/obuilder.ts";
import { imageName, temporaryStore, type TestStore } from "./support/store.ts";

const without = (await hasDockerRegistry()) ? undefined : "docker-registry is not installed";

/** A store without images. */
async function emptyStore(): Promise<TestStore> {
  const store = await temporaryStore();
  for (const part of ["base-image", "state"]) await rm(path.join(store.directory, part), { recursive: true });
  await mkdir(path.join(store.directory, "base-image"), { mode: 0o700 });
  return store;
}

const steps = [
  "echo one; echo 1 | sudo tee /one",
  "echo two; cat /one; sudo touch /two",
  "echo three; sudo rm /two",
];
const specOf = (commands: readonly string[]) =>
  `((from ${imageName}) (env X 1) ${commands.map((command) => `(run (shell "${command}"))`).join(" ")})`;
const idsOf = (output: string) =>
  [...output.matchAll(/^---> \S+ (?:as )?"([0-9a-f]{64})"/gm)].map(([, id = ""]) => id);

test.skipIf(without)(
  "an empty store gets the image and all layers from a registry, boots nothing for them, and builds on",
  async () => {
    await using registry = await startDockerRegistry();
    await using here = await temporaryStore();
    await using there = await emptyStore();
    const ref = `${registry.host}/ob`;
    const pushing = build(here, specOf(steps), { flags: [`--cache-to=type=registry,ref=${ref},mode=max`] });
    const [made, pushed] = await Promise.all([
      pushing,
      obuilder(["image", "push", `--store=qemu:${here.directory}`, imageName, ref, "--login-key"]),
    ]);
    expect(made.exitCode, made.all).toBe(0);
    expect(pushed.exitCode, pushed.all).toBe(0);

    const pulled = await obuilder([
      "image",
      "pull",
      `--store=qemu:${there.directory}`,
      `${ref}:${imageName}`,
    ]);
    expect(pulled.exitCode, pulled.all).toBe(0);
    const flags = [`--cache-from=${ref}`];
    const cached = await build(there, specOf(steps), { flags });
    expect(cached.exitCode, cached.all).toBe(0);
    expect(cached.stdout.match(/ from cache$/gm)).toHaveLength(steps.length);
    expect(cached.stdout).toContain("\none\n1\n---> using");
    // No machine was started, and no disk was pulled.
    expect(await readdir(path.join(there.directory, "state"))).not.toContain("qemu");
    expect(await readdir(path.join(there.directory, "result"))).toHaveLength(1);

    const more = await build(there, specOf([...steps, "echo four; cat /one; ls /two 2>&1 || echo gone"]), {
      flags,
    });
    expect(more.exitCode, more.all).toBe(0);
    expect(more.stdout.match(/ from cache$/gm)).toHaveLength(steps.length + 1);
    expect(more.stdout).toMatch(/^four\n1\n.*\ngone$/m);
    for (const id of idsOf(made.stdout)) {
      const disk = path.join("result", id, "rootfs/image.qcow2");
      const [a, b] = [here, there].map((store) => path.join(store.directory, disk));
      await execa("qemu-img", ["compare", "-f", "qcow2", "-F", "qcow2", a ?? "", b ?? ""]);
      const [logHere, logThere] = [here, there].map((store) =>
        path.join(store.directory, "result", id, "log"),
      );
      expect(await readFile(logThere ?? "", "utf8")).toBe(await readFile(logHere ?? "", "utf8"));
    }
  },
);
