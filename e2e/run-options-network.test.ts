import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { isObError, run } from "@ob/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeBarrier } from "./support/barrier.ts";
import { listening, treeOf } from "./support/host-processes.ts";
import { build, startBuild } from "./support/obuilder.ts";
import { imageName, type TestStore, temporaryStore } from "./support/store.ts";

let store: TestStore;
beforeAll(async () => {
  store = await temporaryStore();
});
afterAll(() => store[Symbol.asyncDispose]());

/** An address of this machine at which other machines can reach it. */
const outside = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === "IPv4" && !address.internal)?.address;

/** Listens on every address of the host, for TCP and for UDP on the same port, and counts the connections. */
async function listener() {
  let came = 0;
  const server = createServer((socket) => {
    came += 1;
    socket.end();
  }).listen(0, "0.0.0.0");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  const { port } = address;
  const packets = createSocket("udp4", () => void (came += 1));
  packets.bind(port);
  await once(packets, "listening");
  return {
    port,
    came: () => came,
    async [Symbol.asyncDispose]() {
      packets.close();
      server.close();
      await once(server, "close");
    },
  };
}

/** Tries every name of the host and the name server, and prints which answered. */
const attempts = (port: number): string =>
  ["10.0.2.2", "127.0.0.1", ...(outside === undefined ? [] : [outside])]
    .map((host) => `timeout 4 bash -c '</dev/tcp/${host}/${port}' 2>/dev/null && echo reached ${host}`)
    .join("; ") +
  `; bash -c 'echo x >/dev/udp/10.0.2.2/${port}' 2>/dev/null; timeout 4 bash -c '</dev/tcp/10.0.2.3/53' 2>/dev/null && echo reached dns; echo done`;

function connects(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (answer: boolean) => () => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(5_000, end(false));
    socket.once("connect", end(true)).once("error", end(false));
  });
}

/** Prints how many routes reject what is sent on them. */
const rejects = "cut -f4 /proc/net/route | grep -c ^02 | sed 's/^/rejecting routes: /'";
/** Prints how many seconds lookups and connections take, those of the resolver's own time limit being 20. */
const failing = [
  "start=$(cut -d. -f1 /proc/uptime)",
  "getent hosts example.invalid",
  ...["192.0.2.1", "10.0.2.3", "2001:db8::1"].map((host) => `bash -c '</dev/tcp/${host}/80' 2>/dev/null`),
  "echo failed after $(($(cut -d. -f1 /proc/uptime) - start)) seconds",
].join("; ");

describe("a step without a network", () => {
  it("fails at once to look up names and to connect, also in a reused VM, and reaches nothing if it removes the routes", async () => {
    await using host = await listener();
    const remove =
      "for net in 0.0.0.0/1 128.0.0.0/1 10.0.2.3; do sudo /usr/local/lib/obuilder/busybox ip route del unreachable $net; done";
    const result = await build(
      store,
      `((from ${imageName})
        (run (shell "${failing}; ${rejects}"))
        (run (shell "${failing}; ${remove}; ${rejects}; ${attempts(host.port)}"))
        (run (shell "${rejects}")))`,
      { flags: ["-v"] },
    );
    expect(result.exitCode, result.all).toBe(0);
    const times = [...result.all.matchAll(/^failed after (\d+) seconds$/gm)].map(([, seconds]) =>
      Number(seconds),
    );
    expect(times).toHaveLength(2);
    for (const seconds of times) expect(seconds).toBeLessThan(10);
    expect(result.all.match(/^rejecting routes: \d+$/gm)).toEqual(
      [3, 0, 3].map((n) => `rejecting routes: ${n}`),
    );
    expect(result.all.match(/Reusing the VM/g)).toHaveLength(1);
    expect(result.all).toMatch(/VM will not be reused: guest state changed since boot: \/proc\/net\//);
    expect(result.all).toMatch(/^done$/m);
    expect(result.all).not.toMatch(/^reached/m);
    expect(host.came()).toBe(0);
  });
});

describe("a step on the host's network", () => {
  it("reaches the host, while its own SSH port is only open on 127.0.0.1", async ({ annotate }) => {
    await using host = await listener();
    await using gate = await makeBarrier();
    const started = await startBuild(
      store,
      `((from ${imageName}) (run (network host) (shell "${attempts(host.port)}; ${rejects}; ${gate.command}")))`,
    );
    await gate.arrived();
    const ports = (await Promise.all((await treeOf(started.process.pid ?? 0)).map(listening))).flat();
    // 127.0.0.1, in the byte order of /proc.
    expect(ports).toEqual([{ address: "0100007F", port: expect.any(Number) }]);
    const [{ port } = { port: 0 }] = ports;
    await expect(connects("127.0.0.1", port)).resolves.toBe(true);
    await expect(connects("127.0.0.2", port)).resolves.toBe(false);
    await expect(connects("::1", port)).resolves.toBe(false);
    if (outside === undefined) await annotate("This machine has no other address to try the ssh port from.");
    else await expect(connects(outside, port)).resolves.toBe(false);
    const answer = await fromAnotherMachine([host.port, port]);
    if (answer.kind === "skipped") await annotate(`Not tried from another network: ${answer.why}`);
    else expect(answer.reached).toEqual([true, false]);
    gate.open();
    const result = await started.process;
    expect(result.exitCode, result.all).toBe(0);
    expect(result.all).toMatch(/^reached 10\.0\.2\.2$/m);
    if (outside !== undefined) expect(result.all).toContain(`reached ${outside}\n`);
    expect(result.all).toContain("\nrejecting routes: 0\n");
    expect(host.came()).toBeGreaterThan(1);
  });
});

type Answer =
  | { readonly kind: "tried"; readonly reached: readonly boolean[] }
  | { readonly kind: "skipped"; readonly why: string };

/** Tries ports of the host from a network namespace, which for the host is like another machine on its network. */
async function fromAnotherMachine(ports: readonly number[]): Promise<Answer> {
  const id = `ob${process.pid}`;
  const [here, there] = ["198.51.100.1", "198.51.100.2"];
  try {
    await run(["ip", "netns", "add", id]);
  } catch (error) {
    if (isObError(error)) return { kind: "skipped", why: error.message };
    throw error;
  }
  try {
    await run(["ip", "link", "add", `${id}a`, "type", "veth", "peer", "name", `${id}b`, "netns", id]);
    await run(["ip", "address", "add", `${here}/30`, "dev", `${id}a`]);
    await run(["ip", "link", "set", `${id}a`, "up"]);
    await run(["ip", "-n", id, "address", "add", `${there}/30`, "dev", `${id}b`]);
    await run(["ip", "-n", id, "link", "set", `${id}b`, "up"]);
    const reached: boolean[] = [];
    for (const port of ports) {
      const tried = run([
        "ip",
        "netns",
        "exec",
        id,
        "timeout",
        "5",
        "bash",
        "-c",
        `</dev/tcp/${here}/${port}`,
      ]);
      reached.push(
        await tried.then(
          () => true,
          () => false,
        ),
      );
    }
    return { kind: "tried", reached };
  } catch (error) {
    if (isObError(error)) return { kind: "skipped", why: error.message };
    throw error;
  } finally {
    // Deleting the namespace also removes both ends of the virtual cable, but later. The name must be free at once.
    await run(["ip", "link", "delete", `${id}a`]).catch(() => undefined);
    await run(["ip", "netns", "delete", id]);
  }
}
