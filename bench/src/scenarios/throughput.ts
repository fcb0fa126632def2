import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { type Bench, repeat, type Scenario, timed } from "../bench.ts";
import { binary, build, machine, specOf } from "../obuilder.ts";
import { newStore } from "../fixtures.ts";

const megabyte = 1e6;

/** How much a step prints, in bytes. */
const printed = 32 * megabyte;
/** How much is sent over the network in each direction, in bytes. */
const sent = 32 * megabyte;

const ways = ["to a file", "as JSON to a pipe", "to a terminal"] as const;
type Way = (typeof ways)[number];

/** What a step prints reaches its log and standard output: a file, a pipe as JSON, a terminal. */
async function measureOutput(bench: Bench, store: string): Promise<void> {
  const command = (bytes: number) => `yes a line of output | head -c ${bytes}`;
  const run = async (bytes: number, way: Way): Promise<number> => {
    const spec = path.join(bench.directory, `${crypto.randomUUID()}.spec`);
    const unique = `true ${crypto.randomUUID()}`;
    await writeFile(spec, specOf(`(run (shell ${JSON.stringify(`${unique}; ${command(bytes)}`)}))`));
    const progress = way === "as JSON to a pipe" ? "json" : "plain";
    const words = [binary, "build", `--store=qemu:${store}`, "-f", spec, `--progress=${progress}`];
    const vm = ["--qemu-memory", machine.memory, "--qemu-boot-time", machine.bootTime, "--log-limit=1G"];
    const argv = [process.execPath, ...words, ...vm, bench.directory];
    // A terminal is made by script(1).
    const line =
      way === "to a terminal" ? ["script", "-qefc", argv.map(quoted).join(" "), "/dev/null"] : argv;
    const [file = "", ...rest] = line;
    const output = way === "as JSON to a pipe" ? { buffer: false } : { stdout: { file: `${spec}.out` } };
    return await timed(async () => {
      const running = execa(file, rest, { stdin: "ignore", stderr: "ignore", ...output });
      running.stdout?.resume();
      await running;
    });
  };
  await run(0, "to a file");
  for (const way of ways) {
    const idle = await run(0, way);
    const all = await run(printed, way);
    bench.results.add(`speed: output ${way}`, (1_000 * printed) / Math.max(1, all - idle));
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Answers `get` with bytes, and `put` with a byte once all have arrived. */
async function startPeer(): Promise<AsyncDisposable & { readonly port: number }> {
  const serve = (socket: Socket): void => {
    let got = 0;
    socket
      .on("error", () => undefined)
      .on("data", (bytes) => {
        if (got === 0 && bytes.toString("latin1", 0, 3) === "get")
          return void socket.end(Buffer.alloc(sent, "x"));
        got += bytes.length;
        if (got >= sent + 4) socket.end(".");
      });
  };
  const server = createServer(serve).listen(0, "0.0.0.0");
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

const networks: Readonly<Record<string, readonly string[]>> = {
  "passt with the loopback filter": ["--qemu-network=passt"],
  "passt without it": ["--qemu-network=passt", "--allow-host-loopback"],
  slirp: ["--qemu-network=slirp"],
};

async function measureNetwork(bench: Bench, store: string): Promise<void> {
  const address = Object.values(networkInterfaces())
    .flatMap((found) => found ?? [])
    .find(({ internal, family }) => !internal && family === "IPv4")?.address;
  if (address === undefined) return bench.say("This host has no outward address: no network is measured.");
  const { failed: noPasst } = await execa("passt", ["--version"], { reject: false });
  if (noPasst) bench.say("passt is not installed: only slirp is measured.");
  await using peer = await startPeer();
  const at = `/dev/tcp/${address}/${peer.port}`;
  const clock = "$(date +%s%N)";
  const script = [
    `start=${clock}; exec 3<>${at}; echo get >&3; head -c ${sent} <&3 >/dev/null; middle=${clock}; exec 3>&-`,
    `exec 3<>${at}; { echo put; head -c ${sent} /dev/zero; } >&3; head -c 1 <&3 >/dev/null; end=${clock}`,
    'echo "took $((middle - start)) $((end - middle))"',
  ].join("; ");
  for (const [name, flags] of Object.entries(networks)) {
    if (noPasst && name !== "slirp") continue;
    const command = JSON.stringify(`true ${crypto.randomUUID()}; ${script}`);
    const spec = specOf(`(run (network host) (shell ${command}))`);
    const { output } = await build(bench, { store, flags, spec });
    const [, received = "", given = ""] = /took (\d+) (\d+)/.exec(output) ?? [];
    bench.results.add(`speed: to the guest, ${name}`, (1e9 * sent) / Number(received));
    bench.results.add(`speed: from the guest, ${name}`, (1e9 * sent) / Number(given));
  }
}

/** How much a step can print, and can send and receive with `(network host)`. */
export const throughput: Scenario = {
  name: "throughput",
  title: "Output of a step, and its network by passt and by slirp",
  async run(bench) {
    const store = await newStore(bench);
    await repeat(bench.quick ? 1 : 3, async () => {
      await measureOutput(bench, store);
      await measureNetwork(bench, store);
    });
  },
};
