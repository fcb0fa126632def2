import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { type Figure, percentileOf } from "./figures.ts";
import { stageOf } from "./specs.ts";
import type { VmCluster } from "./vm-cluster.ts";

const lines = 300;
const port = 7_000;

/**
 * How far the log that a client sees is behind the guest. The guest's clock is of no use for that: so it sends each line to its
 * standard output and at the same moment over a connection of its own to a server, which notes when it came.
 */
export async function measureLiveLog(cluster: VmCluster): Promise<readonly Figure[]> {
  const { address, through } = cluster.network.hub;
  const script = path.join(import.meta.dirname, "clock-server.ts");
  const node = [process.execPath, "--experimental-strip-types", "--no-warnings"];
  const server = cluster.spawn(through, [...node, script, address, `${port}`]);
  const sent = new Map<string, number>();
  const ready = Promise.withResolvers<void>();
  readLines(server, (line) => {
    const [word, index = "", at] = line.split(" ");
    if (word === "ready") ready.resolve();
    else sent.set(index, Number(at));
  });
  await ready.promise;
  const start = cluster.log.events.length;
  const loop = `for i in $(seq ${lines}); do echo "line $i"; echo "line $i" >&3; sleep 0.05; done`;
  const build = await cluster.submit(
    stageOf([`exec 3<>/dev/tcp/${address}/${port}; ${loop}`], "(network host)"),
  );
  const seen = new Map<string, number>();
  const first = follow(cluster.attach(build), (index) => {
    seen.set(index, Date.now());
  });
  await cluster.log.next(({ phase }) => phase === "run", { start, signal: cluster.deadline });
  while (seen.size < lines / 2) await once(server.stdout ?? server, "data");
  const second = follow(cluster.attach(build));
  const [whole, joined] = await Promise.all([first, second]);
  await cluster.finished([build]);
  const delays = [...seen].map(([index, at]) => at - (sent.get(index) ?? Number.NaN));
  if (delays.length !== lines || delays.some(Number.isNaN))
    throw new Error(`${delays.length} lines were seen`);
  const [saved] = cluster.stepsOf("saved", start);
  const { store } = cluster.worker(saved?.worker ?? "");
  const stored = await readFile(path.join(store, "result", saved?.step ?? "", "log"), "utf8");
  const differing = [whole, joined].filter((text) => text !== stored).length;
  return [
    {
      ...{
        title: `the log as a client sees it, ${lines} lines: p95 behind the guest`,
        samples: [percentileOf(delays, 0.95)],
      },
      ...{ unit: "ms", aim: { kind: "at most", limit: 200 } },
    },
    { title: "p50", samples: [percentileOf(delays, 0.5)], unit: "ms" },
    {
      ...{
        title: "followers, from the begin and from the middle, with other bytes than the stored log",
        unit: "",
      },
      ...{ samples: [differing], aim: { kind: "exactly", limit: 0 } },
    },
  ];
}

/** Reads what `attach` shows. @returns the lines of the step. */
async function follow(
  child: ChildProcess,
  onLine: (index: string) => void = () => undefined,
): Promise<string> {
  let text = "";
  readLines(child, (line) => {
    const index = /^line (\d+)$/.exec(line)?.[1];
    if (index === undefined) return;
    text += `${line}\n`;
    onLine(index);
  });
  await once(child, "close");
  return text;
}

function readLines({ stdout }: ChildProcess, onLine: (line: string) => void): void {
  if (stdout) createInterface({ input: stdout }).on("line", onLine);
}
