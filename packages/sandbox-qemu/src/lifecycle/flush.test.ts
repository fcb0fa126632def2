import { expect, it } from "vitest";
import { framable } from "../guest/framed.ts";
import { quoteWords } from "../ssh/quote/posix.ts";
import { logInToShell } from "../testing/shell-server.ts";
import { flush } from "./shutdown.ts";

const { signal } = new AbortController();
const frozen = "obuilder: frozen";

async function flushed(script: string) {
  await using stack = new AsyncDisposableStack();
  const session = await logInToShell({ stack });
  const line = framable((text) => `exec ${quoteWords(["/bin/sh", "-c", text])}`, script);
  return await flush(
    { ...line, phase: "flush", purpose: "write to its disks", failure: "UNCLEAN_STOP", frozen },
    { session, signal },
  );
}

it("a flush reports what it printed before its file systems were frozen", async () => {
  const printed = `printf 'one\\ntwo\\n${frozen}'; sleep 0.1; printf '\\nlate\\n'`;
  await expect(flushed(printed)).resolves.toEqual({ state: "frozen", report: "one\ntwo" });
  await expect(flushed(`echo 'x ${frozen}'`)).resolves.toMatchObject({ state: "running" });
});

it("of a flush that prints without end the last part is kept, and each part is searched once", async () => {
  const printed = `head -c 30000000 /dev/zero | tr '\\0' '\\n'; echo '${frozen}'; sleep 1`;
  const { state, report } = await flushed(printed);
  expect([state, report.length < 300_000]).toEqual(["frozen", true]);
});
