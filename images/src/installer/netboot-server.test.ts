import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "@ob/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { withPrefix } from "../disk/fakeroot.ts";
import { netbootServer } from "./netboot-server.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "guest-server-"));
  await writeFile(join(directory, "install.conf"), "answers\n");
});
afterEach(() => rm(directory, { recursive: true }));

/** Requests a file where the guest's request is forwarded to: port 80 of the loopback shared with the server. */
const ask = `exec 3<>/dev/tcp/127.0.0.1/80
printf 'GET /install.conf?path=7.9/amd64 HTTP/1.0\\r\\n\\r\\n' >&3
grep -q answers <&3 && echo found >"$1"`;

test("a program can request the files at port 80, and the server ends with the program", async () => {
  const prefix = await netbootServer(directory, undefined);
  const found = join(directory, "found");
  const { stderr } = await run(withPrefix(prefix, ["bash", "-c", ask, "ask", found]), { timeoutMs: 20_000 });
  expect(stderr).toContain("served 200 /install.conf");
});

test("the program's exit status is passed on", async () => {
  const prefix = await netbootServer(directory, undefined);
  await expect(run(withPrefix(prefix, ["bash", "-c", "exit 7"]), { timeoutMs: 20_000 })).rejects.toThrow(
    /exit status 7/,
  );
});
