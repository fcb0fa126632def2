import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { missingForCluster } from "../scripts/cluster-services.mjs";
import { startCluster, type TestCluster } from "./support/cluster.ts";
import { argumentsAndEnvironment, qemusOf, treeOf } from "./support/host-processes.ts";
import { build, builtId, obuilder, obuilderFile, printed } from "./support/obuilder.ts";
import { imageName, temporaryStore, type TestStore } from "./support/store.ts";
import { openTerminal } from "./support/tmux.ts";

const missing = missingForCluster();

const vm = ["--qemu-memory", "1", "--qemu-cpus", "2", "--qemu-boot-time", "120"];

const twoStages = `((build tools ((from ${imageName}) (run (shell "echo tools; echo made | sudo tee /tools"))))
  (from ${imageName})
  (copy (src file) (dst /srv/file))
  (copy (from (build tools)) (src /tools) (dst /srv/tools))
  (run (shell "cat /srv/file /srv/tools; echo done")))`;
/** What it leaves on the disk is made of the secret, and is not it. */
const withSecret = `((from ${imageName})
  (run (secrets (token (target /run/token)))
    (shell "sudo cat /run/token | sha256sum >made; echo it has $(sudo cat /run/token | wc -c) bytes")))`;
const slow = (seconds: number) =>
  `((from ${imageName}) (run (shell "echo started; sleep ${seconds}; echo woke")))`;

/** Lets a worker of a pool of its own keep a VM ready, and builds on that. */
async function startFromWarmVm(cluster: TestCluster, store: TestStore): Promise<void> {
  const pool = "kept-ready";
  const flags = ["--name", pool, "--pool", pool, "--warm", "1", "--log-format=json", "--verbosity=debug"];
  const child = cluster.run("worker", ["worker", `--store=qemu:${store.directory}`, ...flags, ...vm]);
  const starts: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { event, start } = JSON.parse(line) as { readonly event: string; readonly start?: string };
    if (event === "vm-started") starts.push(start ?? "");
  });
  try {
    await printed(child, '"event":"ready"');
    const ready = printed(child, "a VM is kept ready");
    for (const name of ["first", "second"]) {
      const spec = `((from ${imageName}) (run (shell "echo ${name}")))`;
      const built = await cluster.run("client", ["submit", "-f", "-", "--pool", pool, store.work], {
        input: spec,
      });
      expect(built.exitCode, built.all).toBe(0);
      expect(built.stdout).toContain(`${name}\n`);
      await ready;
    }
    expect(starts).toEqual([expect.stringMatching(/^(?:boot|resume)$/), "warm"]);
  } finally {
    child.kill("SIGTERM");
  }
  const ended = await child;
  expect(ended.exitCode, ended.all).toBe(0);
  expect(await qemusOf(store.directory)).toEqual([]);
}

test.skipIf(missing.length > 0)(
  "two workers share a build; one that dies is replaced; one keeps a VM ready; what is cancelled or stopped leaves no machine; no secret is seen",
  async () => {
    await using stack = new AsyncDisposableStack();
    const cluster = stack.use(await startCluster());
    const { hosts, environments } = cluster.services;
    const [first, second, local] = [
      stack.use(await temporaryStore()),
      stack.use(await temporaryStore()),
      stack.use(await temporaryStore()),
    ];
    // The second worker has to pull the image.
    await rm(second.directory, { recursive: true });
    const push = ["image", "push", `--store=qemu:${first.directory}`, imageName, `${hosts.layers}/ob`];
    const pushed = await obuilder([...push, "--login-key"], { env: environments.worker });
    expect(pushed.exitCode, pushed.all).toBe(0);

    const poolKey = path.join(local.work, "pool.key");
    const recipient = (await obuilder(["cluster", "key", "--new", poolKey])).stdout;
    const start = (name: string, store: TestStore) => {
      const key = ["--pool-key", poolKey];
      const args = [
        "worker",
        `--store=qemu:${store.directory}`,
        "--name",
        name,
        "--http",
        "0",
        ...key,
        ...vm,
      ];
      const child = cluster.run("worker", args);
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
      cluster.run("client", ["submit", "-f", "-", ...flags, source], { input: spec });

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
    const flags = [`--cache-from=${hosts.reading}/ob`];
    const built = await build(local, twoStages, { source, flags, env: environments.client });
    expect(again.exitCode, again.all).toBe(0);
    expect(again.stdout.replaceAll(/^---> saved as/gm, "---> using")).toContain(builtId(made.stdout));
    expect(again.stdout.split("\n").filter((line) => line.endsWith("from cache"))).not.toEqual([]);
    expect(builtId(again.stdout)).toBe(builtId(made.stdout));
    expect(builtId(built.stdout)).toBe(builtId(made.stdout));
    expect(again.stdout.replaceAll(/^---> (?:saved as|using) .*/gm, "--->")).toBe(
      built.stdout.replaceAll(/^---> (?:saved as|using) .*/gm, "--->"),
    );

    // Secrets, and what a step makes of them.
    const secret = crypto.randomUUID();
    const secretFile = path.join(local.work, "secret");
    await writeFile(secretFile, secret);
    const refused = await submit(withSecret, "--secret", `token:${secretFile}`);
    expect(refused.exitCode, refused.all).toBe(2);
    const sealed = ["--secret-layers", "--recipient", recipient];
    const used = await submit(withSecret, "--secret", `token:${secretFile}`, ...sealed);
    expect(used.exitCode, used.all).toBe(0);
    expect(used.stdout).toContain(`it has ${secret.length} bytes\n`);

    // A worker that is killed in a step.
    const killed = submit(slow(3));
    await printed(killed, "started\n");
    const busy = await Promise.all(workers.map(async ({ store }) => (await qemusOf(store.directory)).length));
    const victim = busy[0] === 0 ? 1 : 0;
    const [dying, living] = [workers[victim], workers[1 - victim]];
    if (!dying || !living) throw new Error("there are two workers");
    const passwords = await cluster.passwords();
    const processes = await treeOf(dying.child.pid ?? 0);
    for (const process of processes.slice(1)) {
      const seen = await argumentsAndEnvironment(process);
      for (const password of passwords) expect(seen).not.toContain(password);
    }
    dying.child.kill("SIGKILL");
    await dying.child;
    // Until its work is taken over, its store serves another worker.
    const [finished] = await Promise.all([killed, startFromWarmVm(cluster, dying.store)]);
    expect(finished.exitCode, finished.all).toBe(0);
    expect(finished.stdout).toContain("woke\n");

    // A build that nobody waits for, that is looked at again, and cancelled.
    const detached = await submit(slow(100), "--detach");
    expect(detached.stdout, detached.all).toMatch(/^[0-9a-f]{16}$/);
    const name = detached.stdout.trim();
    const attached = cluster.run("client", ["attach", name]);
    await printed(attached, "started\n");
    expect(await qemusOf(living.store.directory)).toHaveLength(1);
    // At a terminal Ctrl-C asks; a second one leaves the build as it is.
    const atTerminal = async () =>
      await openTerminal(
        [process.execPath, obuilderFile, ...cluster.words("client", ["attach", name])].join(" "),
        {
          ...{ columns: 120, rows: 40, env: environments.client },
        },
      );
    const question = /Detach from the build, or cancel it\? \[d\/c\]/;
    {
      await using terminal = await atTerminal();
      await terminal.waitFor(/^started$/m);
      await terminal.type("C-c");
      await terminal.waitFor(question);
      await terminal.type("C-c");
      const left = await terminal.waitFor(/^-?icanon$/m);
      expect(left).toContain(`The build ${name} goes on.`);
      expect(left).toMatch(/^exit status 130\nicanon$/m);
    }
    expect(await qemusOf(living.store.directory)).toHaveLength(1);
    await using terminal = await atTerminal();
    await terminal.waitFor(/^started$/m);
    await terminal.type("C-c");
    await terminal.waitFor(question);
    const began = performance.now();
    const compared = await cluster.run("admin", ["cluster", "status", "--json"]);
    // As long as this host needs for a command.
    const allowed = 2_000 + 2 * (performance.now() - began);
    expect(JSON.parse(compared.stdout)).toMatchObject({ builds: 1 });
    await terminal.type("c", "Enter");
    await terminal.waitFor(new RegExp(`Cancelled the build ${name}`));
    await expect
      .poll(async () => await qemusOf(living.store.directory), { timeout: allowed, interval: 50 })
      .toEqual([]);
    expect((await attached).exitCode).toBe(130);

    // A build can also be cancelled by an administrator; without effect if it has ended.
    const cancelled = await cluster.run("admin", ["cancel", name]);
    expect(cancelled.exitCode, cancelled.all).toBe(0);
    const status = await cluster.run("admin", ["cluster", "status", "--json"]);
    expect(JSON.parse(status.stdout)).toMatchObject({ builds: 0 });

    // One signal lets a step finish, a second one does not.
    const last = submit(slow(101));
    await printed(last, "started\n");
    living.child.kill("SIGTERM");
    await printed(living.child, "a second signal ends it at once");
    expect(await qemusOf(living.store.directory)).toHaveLength(1);
    living.child.kill("SIGTERM");
    const ended = await living.child;
    expect(ended.exitCode ?? ended.signal, ended.all).not.toBe(0);
    await expect.poll(async () => await qemusOf(living.store.directory), { timeout: allowed }).toEqual([]);
    last.kill("SIGTERM");
    expect((await last).all).toContain("goes on");

    const everySaid = ended.all + made.all + status.all + used.all;
    for (const password of passwords) expect(everySaid).not.toContain(password);
    expect(await cluster.denials()).toBe("");
    const forms = [
      secret,
      Buffer.from(secret).toString("base64").slice(0, 40),
      Buffer.from(secret).toString("hex"),
    ];
    const everything = await cluster.everything();
    expect(Buffer.concat([...everything.values()]).includes("it has ")).toBe(true);
    for (const [place, bytes] of everything) {
      for (const form of forms) expect(bytes.includes(form), place).toBe(false);
    }
  },
);
