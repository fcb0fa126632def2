import { run } from "@ob/core";

/** A machine's place in a `TestNetwork`. */
export interface Place {
  readonly address: string;
  /** What runs a program there: it stands before the program and its arguments. */
  readonly through: readonly [string, ...string[]];
}

interface Machine extends Place {
  readonly name: string;
  /** Its port of the hub's bridge. */
  readonly port: string;
}

/**
 * Machines of a test: network namespaces, joined by a bridge in one of them, the hub. None reaches the network of this
 * machine. It needs root, and removes all that it has made.
 */
export class TestNetwork implements AsyncDisposable {
  readonly hub: Place;
  readonly machines: readonly Place[];
  readonly #hub: string;
  readonly #machines: readonly Machine[];
  readonly #made: AsyncDisposableStack;

  private constructor(hub: string, machines: readonly Machine[], made: AsyncDisposableStack) {
    this.hub = { address: hubAddress, through: enter(hub) };
    this.machines = machines;
    this.#hub = hub;
    this.#machines = machines;
    this.#made = made;
  }

  /** @param count how many machines there are beside the hub, up to 200. */
  static async create(count: number): Promise<TestNetwork> {
    await using made = new AsyncDisposableStack();
    const prefix = `ob${process.pid.toString(36)}-`;
    const hub = `${prefix}hub`;
    await addNamespace(hub, made);
    await ip("-n", hub, "link", "add", "br0", "type", "bridge");
    await ip("-n", hub, "address", "add", `${hubAddress}/24`, "dev", "br0");
    await ip("-n", hub, "link", "set", "br0", "up");
    const machines: Machine[] = [];
    for (let index = 0; index < count; index++) {
      const name = `${prefix}${index}`;
      const machine = { name, port: `m${index}`, address: `10.87.0.${index + 10}`, through: enter(name) };
      await addMachine(machine, hub, made);
      machines.push(machine);
    }
    return new TestNetwork(hub, machines, made.move());
  }

  /** Pulls the plug of a machine. */
  async cut(index: number): Promise<void> {
    await ip("-n", this.#hub, "link", "set", this.#machine(index).port, "down");
  }

  /** Puts it in again. */
  async join(index: number): Promise<void> {
    await ip("-n", this.#hub, "link", "set", this.#machine(index).port, "up");
  }

  /** Limits what goes to and comes from a machine, in Mbit/s. */
  async limit(index: number, megabits: number): Promise<void> {
    const { name, port } = this.#machine(index);
    const filter = ["root", "tbf", "rate", `${megabits}mbit`, "burst", "64kb", "latency", "100ms"];
    await run(["tc", "-n", this.#hub, "qdisc", "replace", "dev", port, ...filter]);
    await run(["tc", "-n", name, "qdisc", "replace", "dev", "eth0", ...filter]);
  }

  /** How many bytes have gone to a machine and come from it. */
  async traffic(index: number): Promise<number> {
    const { port } = this.#machine(index);
    const files = ["rx_bytes", "tx_bytes"].map((name) => `/sys/class/net/${port}/statistics/${name}`);
    const { stdout } = await run([...this.hub.through, "cat", ...files]);
    return stdout.split("\n").reduce((sum, line) => sum + Number(line), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#made.disposeAsync();
  }

  #machine(index: number): Machine {
    const machine = this.#machines[index];
    if (!machine) throw new RangeError(`there is no machine ${index}`);
    return machine;
  }
}

/** Why there can be no such network here; undefined if there can. */
export async function whyNoNetwork(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "network namespaces need root";
  try {
    await using network = await TestNetwork.create(1);
    void network;
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const hubAddress = "10.87.0.1";

function enter(name: string): [string, ...string[]] {
  return ["ip", "netns", "exec", name];
}

async function addNamespace(name: string, made: AsyncDisposableStack): Promise<void> {
  await ip("netns", "add", name);
  made.defer(async () => await ip("netns", "delete", name));
  await ip("-n", name, "link", "set", "lo", "up");
}

async function addMachine({ name, port, address }: Machine, hub: string, made: AsyncDisposableStack) {
  await addNamespace(name, made);
  await ip("-n", hub, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name);
  await ip("-n", hub, "link", "set", port, "master", "br0", "up");
  await ip("-n", name, "address", "add", `${address}/24`, "dev", "eth0");
  await ip("-n", name, "link", "set", "eth0", "up");
}

async function ip(...args: readonly string[]): Promise<void> {
  await run(["ip", ...args]);
}
