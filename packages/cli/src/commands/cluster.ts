import { writeFile } from "node:fs/promises";
import type { ClusterStatus } from "@ob/cluster";
import { errnoCode, errorMessage, ObError } from "@ob/core";
import { readAction } from "../args/actions.ts";
import { queueOptions, readOptionFile, readQueue } from "../args/cluster-options.ts";
import { type Arguments, stringOption } from "../args/options.ts";
import type { ClusterConnection } from "../cluster/cluster-ports.ts";
import { formatTable } from "../output/format-table.ts";
import { jsonLine } from "../output/printable.ts";
import type { Action, Command } from "./command.ts";
import type { Session } from "./session.ts";

const names = ["status", "drain", "key"] as const;

const queue = Object.keys(queueOptions);
const actions: Readonly<Record<(typeof names)[number], Action>> = {
  status: { summary: "Lists workers and pools", positionals: [], options: [...queue, "json"] },
  drain: {
    summary: "Lets a worker finish its steps and take no more",
    positionals: [{ name: "WORKER", describe: "The worker's name" }],
    options: queue,
  },
  key: {
    summary: "Prints the public key of a pool; with --new makes the pair",
    positionals: [{ name: "FILE", describe: "The file with the private key", complete: "file" }],
    options: ["new"],
  },
};

export const cluster: Command = {
  description:
    "Looks after a cluster. status lists workers and pools; drain lets a worker finish its steps and take no more; key prints " +
    "the public key of a pool, whose private key is in a file, and with --new makes both.",
  positionals: [
    { name: "ACTION", describe: "status, drain or key" },
    { name: "WHAT", describe: "drain: the worker's name; key: the file with the private key" },
  ],
  actions,
  options: {
    ...queueOptions,
    new: { kind: "flag", describe: "key: make a key, and the file with it", group: "Cluster:" },
    json: {
      kind: "flag",
      describe: 'status: one object: {"workers","pools","builds"}',
      group: "Output:",
    },
  },
  examples: [
    ["obuilder cluster status --queue rediss://queue.example", "who builds, and what waits"],
    ["obuilder cluster drain worker-1", "before its host is restarted"],
    [
      "obuilder cluster key --new pool.key",
      "for secrets: the file is for workers, what is printed for clients",
    ],
  ],

  async run(args, session) {
    const action = readAction(args, { command: "cluster", names });
    switch (action) {
      case "status":
        refuseArgument(args);
        return await withCluster(args, session, async (connection) =>
          showStatus(await connection.status(), args["json"] === true, session),
        );
      case "drain": {
        const worker = readWhat(args, "drain WORKER");
        await withCluster(args, session, async (connection) => await connection.drain(worker));
        session.io.stdout.write(`${worker} takes no more work\n`);
        return;
      }
      case "key":
        return await showKey(args, session);
    }
  },
};

async function withCluster(
  args: Arguments,
  { services, io, emit }: Session,
  use: (connection: ClusterConnection) => Promise<void> | void,
): Promise<void> {
  const redis = await readQueue(args, io);
  const found = await services.cluster();
  await using connection = await found.open({ redis, registry: undefined, emit });
  await use(connection);
}

function showStatus(status: ClusterStatus, json: boolean, { io }: Session): void {
  const { workers, pools, builds } = status;
  if (json) {
    const plain = workers.map(({ name, host, pools: own, slots, running, draining }) => ({
      ...{ name, host, pools: own, slots, running, draining },
    }));
    io.stdout.write(`${jsonLine({ workers: plain, pools, builds })}\n`);
    return;
  }
  const ofWorkers = workers.map(({ name, host, running, slots, draining, pools: own }) => [
    ...[name, host, own.join(" ")],
    ...[`${running}/${slots}`, draining ? "drains" : ""],
  ]);
  const ofPools = pools.map(({ name, waiting, running }) => [name, String(waiting), String(running)]);
  const tables = [
    formatTable(["WORKER", "HOST", "POOLS", "BUSY", ""], { rows: ofWorkers, left: [0, 1, 2, 4] }),
    formatTable(["POOL", "WAITING", "RUNNING"], { rows: ofPools }),
  ].filter((table) => table !== "");
  const summary = `${count(workers.length, "worker")}, ${count(builds, "build")}\n`;
  io.stdout.write([...tables, summary].join("\n"));
}

async function showKey(args: Arguments, { services, io }: Session): Promise<void> {
  const file = readWhat(args, "key FILE");
  const found = await services.cluster();
  if (args["new"] !== true) {
    const line = (await readOptionFile(file, "pool-key")).split("\n").find((each) => each.startsWith("AGE-"));
    io.stdout.write(`${await found.publicKeyOf(line?.trim() ?? "")}\n`);
    return;
  }
  const { identity, recipient } = await found.newKey();
  await writeFile(file, `# public key: ${recipient}\n${identity}\n`, { mode: 0o600, flag: "wx" }).catch(
    (cause: unknown) => {
      const why = errnoCode(cause) === "EEXIST" ? "it exists" : errorMessage(cause);
      throw new ObError("USAGE", `The key cannot be written to ${file}: ${why}.`, { cause });
    },
  );
  io.stdout.write(`${recipient}\n`);
}

function readWhat(args: Arguments, form: string): string {
  const what = stringOption(args, "WHAT");
  if (what !== undefined) return what;
  throw new ObError("USAGE", `An argument is missing: obuilder cluster ${form}.`);
}

function refuseArgument(args: Arguments): void {
  const what = stringOption(args, "WHAT");
  if (what !== undefined) throw new ObError("USAGE", `Unexpected argument ${JSON.stringify(what)}.`);
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
