import path from "node:path";
import { expect, it } from "vitest";
import { openRaw } from "../sandbox/harness.ts";
import { build } from "../support/obuilder.ts";
import { storeWith } from "./guest-image.ts";
import { oneCpu, simulatorImage } from "./guest-simulator.ts";

/** In milliseconds, for one guest under emulation, and the making of its image, on a machine that may be loaded. */
const timeout = 1_200_000;

const atom = (text: string): string => JSON.stringify(text);

/** Prints what an earlier step has left. */
const look = [
  "cat kept",
  'echo "left over: $(ps -ax -o ucomm= | grep -c left-over)"',
  'echo "logging: $(ps -ax -o ucomm= | grep -c sleep)"',
  'echo "clock: $(date +%s)"',
].join("; ");

/** Leaves a file and a process with it open. */
const leave = "echo text >kept; cp /bin/sleep left-over; ./left-over 900 >open 2>&1 </dev/null &";

it(
  "reuses the VM of an OpenBSD (simulated) if it is asked to always: without the processes of the step before, with clean layers and the right time",
  async () => {
    const image = await simulatorImage("openbsd");
    await using store = await storeWith(image);
    const before = Date.now() / 1000;
    const spec = `((from ${image.name})
      (workdir /home/opam/work)
      (run (shell ${atom(leave)}))
      (run (shell ${atom(look)}))
      (run (shell ${atom(`${look}; doas mount -t tmpfs none /mnt`)}))
      (run (shell ${atom("grep ' /mnt ' /proc/mounts || echo nothing on /mnt")})))`;
    const built = await build(store, spec, { flags: [...oneCpu, "-v", "--vm-reuse=always"] });
    expect(built.exitCode, built.all).toBe(0);
    expect(built.all).toMatch(/^text\nleft over: 0$/m);
    expect([...built.all.matchAll(/Reusing the VM of the previous step/g)]).toHaveLength(2);
    expect(built.all).toContain(
      "VM will not be reused: guest state changed since boot: mount: none on /mnt type mfs",
    );
    expect(built.all).toContain("nothing on /mnt");
    const clocks = [...built.all.matchAll(/^clock: (\d+)$/gm)].map(([, time]) => Number(time));
    for (const time of clocks) expect(time).toBeGreaterThan(before);
    expect(clocks).toHaveLength(2);
    const ids = [...built.all.matchAll(/^---> saved as "([0-9a-f]{64})"/gm)].map(([, id = ""]) => id);
    for (const id of ids.slice(1)) {
      await using raw = await openRaw(path.join(store.directory, "result", id, "rootfs/image.qcow2"));
      await raw.check();
    }
  },
  timeout,
);
