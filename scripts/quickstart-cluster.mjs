// npm run quickstart:cluster: from a bare machine to a cluster on its loopback, with two workers, and back. Nothing is left running.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { endProcess, queueFlags, startClusterServices } from "./cluster-services.mjs";
import { defaultImage, environment, main, node, repository, Stop, store } from "./environment.mjs";
import { obuilder, setup } from "./setup.mjs";

const interrupted = new AbortController();
const { signal } = interrupted;

await main(async () => {
  setup({ forClusters: true });
  for (const name of ["SIGINT", "SIGTERM"]) process.once(name, () => interrupted.abort(name));
  const places = join(repository, ".obuilder");
  mkdirSync(places, { recursive: true });
  const directory = mkdtempSync(join(places, "cluster-"));
  const cluster = { directory, services: undefined, workers: [] };
  try {
    await show(cluster);
    return 0;
  } catch (error) {
    if (!signal.aborted) throw error;
    console.error("Cancelled.");
    return signal.reason === "SIGINT" ? 130 : 143;
  } finally {
    await takeDown(cluster);
  }
});

async function show(cluster) {
  const { directory } = cluster;
  console.log(`\nStarting Redis and the registries on the loopback, in ${relative(repository, directory)}.`);
  cluster.services = await startClusterServices(join(directory, "services"), { signal });
  const { layers } = cluster.services.hosts;
  const push = ["image", "push", `--store=qemu:${store}`, defaultImage, `${layers}/ob`, "--login-key"];
  await succeed(push, { cluster, role: "worker" });
  for (const name of ["first", "second"]) await startWorker(name, cluster);

  const submit = ["submit", "-f", "examples/hello/hello.spec", "examples/hello"];
  await succeed(submit, { cluster, role: "client" });
  await succeed(["cluster", "status"], { cluster, role: "admin" });
  console.log("\nThe same again: nothing is built.");
  const again = await succeed(submit, { cluster, role: "client" });
  const others = again.filter((line) => line.startsWith("---> saved as"));
  const cached = again.filter((line) => line.startsWith("---> using"));
  if (cached.length === 0 || others.length > 0)
    throw new Stop("The second build was not found in the registry.");
  console.log(`
That was a cluster: Redis has handed the work out, and the registry has the layers. All of it ends now.
  docs/cluster.md               how to set one up on many machines;  deploy/ has the files that were used here`);
}

/** Starts a worker with a store of its own, which has nothing. */
async function startWorker(name, cluster) {
  const args = ["worker", `--store=qemu:${join(cluster.directory, name)}`, "--name", name];
  const child = start(args, { cluster, role: "worker" });
  cluster.workers.push(child);
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line);
    if (!line.includes("is ready")) continue;
    child.stdout.resume();
    return;
  }
  signal.throwIfAborted();
  throw new Stop(`The worker ${name} has ended.`);
}

/** Runs a command to its end, and returns the lines of its output. */
async function succeed(args, options) {
  const child = start(args, options);
  const stop = () => child.kill();
  signal.addEventListener("abort", stop);
  const exited = once(child, "close");
  const lines = [];
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line);
    lines.push(line);
  }
  const [status] = await exited;
  signal.removeEventListener("abort", stop);
  signal.throwIfAborted();
  if (status !== 0) throw new Stop(`obuilder ${args[0]} failed.`, status ?? 1);
  return lines;
}

/** Starts a command in a session of its own: what a Ctrl-C ends, and in which order, is decided here. */
function start(args, { cluster: { services }, role }) {
  signal.throwIfAborted();
  const shown = args.map((each) => each.replace(repository, ""));
  console.log(`\n$ npx obuilder ${shown.join(" ")}`);
  const [command, ...rest] = args;
  const isOfQueue = command !== "image";
  const flags = isOfQueue ? queueFlags(services.credentials, role) : [];
  const words = command === "cluster" ? [command, ...rest, ...flags] : [command, ...flags, ...rest];
  return spawn(node, [obuilder, ...words], {
    cwd: repository,
    detached: true,
    env: { ...environment(), ...services.environments[role] },
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** Ends the workers first: they finish and push what they do. */
async function takeDown({ directory, services, workers }) {
  await Promise.all(workers.map((worker) => endProcess(worker)));
  await services?.stop();
  rmSync(directory, { recursive: true, force: true });
}
