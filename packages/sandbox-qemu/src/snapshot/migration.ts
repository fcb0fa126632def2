import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { createServer } from "node:net";
import { pipeline } from "node:stream/promises";
import { setTimeout as wait } from "node:timers/promises";
import { abortable, ObError } from "@ob/core";
import * as v from "valibot";
import { type QmpClient, stateFd, type Vm } from "@ob/qemu";

/*
 * A VM is saved and loaded by migration. With `x-ignore-shared` QEMU leaves out the memory, which is in a file of its own.
 */
const withoutMemory = { capabilities: [{ capability: "x-ignore-shared", state: true }] };

/** How often the state of a migration is polled, in milliseconds: it takes about ten. */
const pollTime = 3;

/**
 * Writes the device state of a stopped VM to a file.
 *
 * @throws ObError `TOOL_FAILED` with QEMU's message, `GUEST_LOST`, the signal's reason.
 */
export async function saveDevices(
  vm: Pick<Vm, "qmp" | "makeSocketPlace">,
  file: string,
  signal: AbortSignal,
): Promise<void> {
  const { qmp } = vm;
  await using place = await vm.makeSocketPlace();
  const server = createServer();
  try {
    server.listen({ path: place.listenAt, readableAll: true, writableAll: true });
    await abortable(once(server, "listening"), signal);
    const written = (async () => {
      const [stream] = await once(server, "connection");
      await pipeline(stream, createWriteStream(file, { mode: 0o600 }));
    })();
    written.catch(() => undefined);
    await qmp.execute("migrate-set-capabilities", { arguments: withoutMemory, signal });
    await qmp.execute("migrate", { arguments: { uri: `unix:${place.connectAt}` }, signal });
    await migrationEnd(qmp, signal);
    await abortable(written, signal);
  } finally {
    server.close();
  }
}

/**
 * Loads a device state that `saveDevices` wrote, from `stateFd`, into a VM that was started with `-incoming defer`. Its
 * vCPUs are stopped afterwards.
 *
 * @throws as `saveDevices`.
 */
export async function loadDevices(qmp: QmpClient, signal: AbortSignal): Promise<void> {
  await qmp.execute("migrate-set-capabilities", { arguments: withoutMemory, signal });
  await qmp.execute("migrate-incoming", { arguments: { uri: `fd:${stateFd}` }, signal });
  await migrationEnd(qmp, signal);
}

const schema = v.object({ status: v.optional(v.string()), "error-desc": v.optional(v.string()) });

async function migrationEnd(qmp: QmpClient, signal: AbortSignal): Promise<void> {
  for (;;) {
    const answer = v.safeParse(schema, await qmp.execute("query-migrate", { signal }));
    const status = answer.success ? answer.output.status : undefined;
    if (status === "completed") return;
    if (status === "failed" || status === "cancelled") {
      const reason = (answer.success ? answer.output["error-desc"] : undefined) ?? status;
      throw new ObError("TOOL_FAILED", `QEMU could not save or load the VM: ${reason}`);
    }
    await abortable(wait(pollTime), signal);
  }
}
