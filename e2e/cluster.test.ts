import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { hasDockerRegistry, startDockerRegistry } from "@ob/registry/testing";
import { expect, test } from "vitest";
import { argumentsAndEnvironment, qemusOf, treeOf } from "./support/host-processes.ts";
import { build, builtId, obuilder, printed } from "./support/obuilder.ts";
import { hasRedis, startRedis } from "./support/redis.ts";
import { imageName, temporaryStore, type TestStore } from "./support/store.ts";

const without =
  (await hasDockerRegistry()) && (await hasRedis())
    ? undefined
    : "docker-registry or redis-server is not installed";

const vm = ["--qemu-memory", "1", "--qemu-cpus", "2", "--qemu-boot-time", "120"];

const twoStages = `((build tools ((from ${imageName}) (run (shell "echo tools; echo made | sudo tee /tools"))))
  (from ${imageName})
  (copy (src file) (dst /srv/file))
  (copy (from (build tools)) (src /tools) (dst /srv/tools))
  (run (shell "cat /srv/file /srv/tools; echo done")))`;
const slow = (seconds: number) =>
  `((from ${imageName}) (run (shell "echo started; sleep ${seconds}; echo woke")))`;

test.skipIf(without)(
  "two workers share a build; one that dies is replaced; a cancelled build ends its machine; all is said as `build` says it",
  async () => {
    await using stack = new AsyncDisposableStack();
    const registry = stack.use(await startDockerRegistry());
    const redis = stack.use(await startRedis());
    const [first, second, local] = [
      stack.use(await temporaryStore()),
      stack.use(await temporaryStore()),
      stack.use(await temporaryStore()),
    ];
    // The second worker has to pull the image.
    await rm(second.directory, { recursive: true });
    const ref = `${registry.host}/ob`;
    const env = {
      OBUILDER_QUEUE: redis.url,
      OBUILDER_QUEUE_PASSWORD: redis.password,
      OBUILDER_REGISTRY: ref,
    };
    const pushed = await obuilder([
      ...["image", "push", `--store=qemu:${first.directory}`, imageName, ref, "--login-key"],
    ]);
    expect(pushed.exitCode, pushed.all).toBe(0);

    const start = (name: string, store: TestStore) => {
      const args = ["worker", `--store=qemu:${store.directory}`, "--name", name, "--http", "0", ...vm];
      const child = obuilder(args, { env });
      stack.defer(async () => {
        child.kill("SIGKILL");
        await child;
      });
      return child;
    };
    const workers = [
      { store: first, child: start("first", first) },
      { store: second, child: start("second", second) },
    ];
    const said = workers.map(() => "");
    for (const [index, { child }] of workers.entries()) {
      child.all.on("data", (chunk: Uint8Array) => (said[index] += Buffer.from(chunk).toString()));
    }
    await Promise.all(workers.map(({ child }) => printed(child, "is watched at")));

    const source = path.join(local.work, "source");
    await mkdir(source);
    await writeFile(path.join(source, "file"), "copied\n");
    const submit = (spec: string, ...flags: readonly string[]) =>
      obuilder(["submit", "-f", "-", ...flags, source], { env, input: spec });

    // Built on two machines, and shown in the order of the spec.
    const made = await submit(twoStages);
    expect(made.exitCode, made.all).toBe(0);
    expect(made.stdout).toMatch(/^tools\nmade\n[^]*^copied\nmade\ndone\n/m);

    // Machines were started, layers went to the registry, and the build context came from it.
    const metrics = async (url: string) => await (await fetch(`${url}/metrics`)).text();
    const scraped = await Promise.all(
      said.map(async (text) => await metrics(/watched at (\S+)/.exec(text)?.[1] ?? "")),
    );
    expect(scraped.join("")).toMatch(
      /^obuilder_vm_starts_total\{pool="[^"]+",start="(?:boot|resume)"\} [1-9]/m,
    );
    expect(scraped.join("")).toMatch(/^obuilder_registry_bytes_total\{direction="push"\} [1-9]/m);
    expect(scraped.join("")).toMatch(/^obuilder_registry_bytes_total\{direction="pull"\} [1-9]/m);

    // All is found, and is said as a build with the same registry says it. No machine is started for that.
    const again = await submit(twoStages);
    const built = await build(local, twoStages, { source, flags: [`--cache-from=${ref}`] });
    expect(again.exitCode, again.all).toBe(0);
    expect(again.stdout.replaceAll(/^---> saved as/gm, "---> using")).toContain(builtId(made.stdout));
    expect(again.stdout.split("\n").filter((line) => line.endsWith("from cache"))).not.toEqual([]);
    expect(builtId(again.stdout)).toBe(builtId(made.stdout));
    expect(builtId(built.stdout)).toBe(builtId(made.stdout));
    expect(again.stdout.replaceAll(/^---> (?:saved as|using) .*/gm, "--->")).toBe(
      built.stdout.replaceAll(/^---> (?:saved as|using) .*/gm, "--->"),
    );

    // A worker that is killed in a step.
    const killed = submit(slow(3));
    await printed(killed, "started\n");
    const busy = await Promise.all(workers.map(async ({ store }) => (await qemusOf(store.directory)).length));
    const victim = busy[0] === 0 ? 1 : 0;
    const [dying, living] = [workers[victim], workers[1 - victim]];
    if (!dying || !living) throw new Error("there are two workers");
    const processes = await treeOf(dying.child.pid ?? 0);
    for (const process of processes.slice(1)) {
      expect(await argumentsAndEnvironment(process)).not.toContain(redis.password);
    }
    dying.child.kill("SIGKILL");
    const finished = await killed;
    expect(finished.exitCode, finished.all).toBe(0);
    expect(finished.stdout).toContain("woke\n");

    // A build that nobody waits for, that is looked at again, and cancelled.
    const detached = await submit(slow(100), "--detach");
    expect(detached.stdout, detached.all).toMatch(/^[0-9a-f]{16}$/);
    const name = detached.stdout.trim();
    const attached = obuilder(["attach", name], { env });
    await printed(attached, "started\n");
    expect(await qemusOf(living.store.directory)).toHaveLength(1);
    const began = performance.now();
    const cancelled = await obuilder(["cancel", name], { env });
    expect(cancelled.exitCode, cancelled.all).toBe(0);
    // The command itself takes as long as this host needs to start one.
    const allowed = 2_000 + 2 * (performance.now() - began);
    await expect
      .poll(async () => await qemusOf(living.store.directory), { timeout: allowed, interval: 50 })
      .toEqual([]);
    expect((await attached).exitCode).toBe(130);

    const status = await obuilder(["cluster", "status", "--json"], { env });
    expect(JSON.parse(status.stdout)).toMatchObject({ builds: 0 });
    living.child.kill("SIGTERM");
    const ended = await living.child;
    expect(ended.exitCode, ended.all).toBe(0);
    expect(ended.all + made.all + status.all).not.toContain(redis.password);
  },
);
