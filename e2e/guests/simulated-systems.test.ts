import { beforeAll, describe, expect, it } from "vitest";
import { build } from "../support/obuilder.ts";
import type { TestStore } from "../support/store.ts";
import { storeWith } from "./guest-image.ts";
import { type SimulatedOs, simulatorImage } from "./guest-simulator.ts";

/*
 * What the simulated guests have in common with the real systems, and what of it our scripts once did not expect. Each simulator
 * names the place in the system's own source beside what it does.
 */

/** In milliseconds, for two guests one after the other, under emulation, on a machine that may be loaded. */
const timeout = 600_000;

const atom = (text: string): string => JSON.stringify(text);

/** Runs steps of one build, and returns all that they print. */
async function run(
  os: SimulatedOs,
  steps: readonly { readonly commands: readonly string[]; readonly caches?: readonly string[] }[],
): Promise<string> {
  const image = await simulatorImage(os);
  await using store: TestStore = await storeWith(image);
  const spec = steps.map(({ commands, caches = [] }) => {
    const targets = caches.map((target, index) => `(c${index} (target ${atom(target)}))`);
    const cache = targets.length === 0 ? "" : `(cache ${targets.join(" ")})`;
    return `(run ${cache} (shell ${atom(commands.join("\n"))}))`;
  });
  const built = await build(store, `((from ${image.name}) ${spec.join("\n")})`);
  expect(built.exitCode, built.all).toBe(0);
  return built.all;
}

describe("a Linux guest with OpenBSD's commands", () => {
  let output: string;
  beforeAll(async () => {
    const gettyIsThere = (count: number): string =>
      `until [ "$(wc -l </var/log/gettys 2>/dev/null || echo 0)" -ge ${count} ]; do sleep 0.2; done`;
    output = await run("openbsd", [
      {
        commands: [
          `echo "path: $PATH"`,
          `doas -n sh -c 'command -v fsck'`,
          gettyIsThere(1),
          `sleep 1`,
          `/usr/sbin/ps -ax -o login= -o ucomm= | grep getty`,
          `sleep 900 >/dev/null 2>&1 &`,
        ],
      },
      { commands: [gettyIsThere(2), `echo "gettys: $(wc -l </var/log/gettys)"`, `true`] },
    ]);
  }, timeout);

  it("has /sbin in the PATH of a session, and doas passes it on", () => {
    expect(output).toMatch(/^path: \/usr\/bin:\/bin:\/usr\/sbin:\/sbin:/m);
    expect(output).toMatch(/^(\/usr)?\/sbin\/fsck$/m);
  });

  it("has gettys, which init starts once /etc/rc has ended, with its login name", () => {
    expect(output).toMatch(/^root getty$/m);
  });

  it("keeps its gettys when a step's processes are killed", () => {
    expect(output).toMatch(/^gettys: 2$/m);
  });
});

describe("a Linux guest with Windows' commands", () => {
  let output: string;
  const caches = [String.raw`C:\one`, String.raw`C:\two`];
  beforeAll(async () => {
    output = await run("windows", [
      {
        caches,
        commands: [
          `cd /; cmd /c mklink /j 'C:\\none\\link' 'C:\\Users' >/dev/null 2>&1; echo "mklink: $?"`,
          `cd C:/Users && echo "directory: $PWD"`,
          `echo first >/cygdrive/c/one/mark; echo second >/cygdrive/c/two/mark`,
          `(exec -a left-over sleep 900 >/dev/null 2>&1 &)`,
        ],
      },
      {
        caches,
        commands: [
          `echo "caches: $(cat /cygdrive/c/one/mark /cygdrive/c/two/mark | tr '\\n' ' ')"`,
          `echo "at sync: $(grep -c left-over /cygdrive/c/ran-at-sync) of $(wc -l </cygdrive/c/ran-at-sync)"`,
          `cat /cygdrive/c/read-only-partitions`,
        ],
      },
    ]);
  }, timeout);

  it("has a cmd with the status of its command, and a bash that knows drives", () => {
    expect(output).toMatch(/^mklink: 1$/m);
    expect(output).toMatch(/^directory: \/cygdrive\/c\/Users$/m);
  });

  it("has its caches in order, though the numbers of its disks have changed", () => {
    expect(output).toMatch(/^caches: first second $/m);
  });

  it("has new caches, though it could format their disks only at the third attempt", () => {
    expect(output).toMatch(/^0$/m);
  });

  it(
    "is not saved by a step after which nobody can log in",
    async () => {
      const image = await simulatorImage("windows");
      await using store: TestStore = await storeWith(image);
      const built = await build(
        store,
        `((from ${image.name}) (run (shell "rm -rf ~/.ssh")) (run (shell true)))`,
      );
      expect(built.all).toContain("no later step can log in to it: The guest rejected these SSH keys");
      expect(built.exitCode).toBe(1);
    },
    timeout,
  );

  it("has nothing of a step running when the volumes are flushed", () => {
    expect(output).toMatch(/^at sync: 0 of [1-9]\d*$/m);
  });
});
