import { afterEach, describe, expect, it } from "vitest";
import { installedShells } from "../testing/installed-shells.ts";
import { logInToShell } from "../testing/shell-server.ts";
import { RootShell } from "./root-shell.ts";

const { signal } = new AbortController();
let stack = new AsyncDisposableStack();
afterEach(async () => {
  await stack.disposeAsync();
  stack = new AsyncDisposableStack();
});

/** A shell of this host, at the other end of a real connection. */
async function openShell(program: string, startUp?: string): Promise<RootShell> {
  const session = await logInToShell({ stack, ...(startUp !== undefined && { startUp }) });
  return stack.use(await RootShell.open(session, `exec ${program}`, signal));
}

describe.each(installedShells.filter((shell) => !shell.endsWith("zsh")))("a persistent %s", (program) => {
  it("runs one script after the other, each in a subshell", async () => {
    const shell = await openShell(program);
    const first = await shell.run("a=1; cd /tmp; echo out; echo err >&2; exit 7", { signal });
    expect(first).toEqual({ status: { kind: "exited", code: 7 }, stdout: "out\n", stderr: "err\n" });
    const second = await shell.run(`printf '<%s>' "$a" "$(pwd)"; wc -c | tr -d ' '`, { signal });
    expect(second.stdout).toBe(`<><${process.cwd()}>0\n`);
    expect(shell.isOpen).toBe(true);
  });

  it("leaves a script waiting, and gives it an answer later", async () => {
    const shell = await openShell(program);
    const script = `echo one; echo ready; read -r line; printf '<%s>' "$line"`;
    const waiting = await shell.runUntilWaiting(script, { signal, waitsAfter: "ready" });
    expect(waiting).toEqual({ status: { kind: "waiting" }, stdout: "one\nready\n", stderr: "" });
    expect(shell.isWaiting).toBe(true);
    await expect(shell.run("echo", { signal })).rejects.toThrow("a script waits for an answer");
    await expect(shell.answer("a\\b  c", { signal })).resolves.toEqual({
      ...{ status: { kind: "exited", code: 0 }, stdout: "<a\\b  c>", stderr: "" },
    });
    expect(shell.isWaiting).toBe(false);
    expect((await shell.run("echo next", { signal })).stdout).toBe("next\n");
  });

  it("passes any bytes to a script's standard input", async () => {
    const shell = await openShell(program);
    const input = Uint8Array.from({ length: 512 }, (_, index) => index % 256);
    const { stdout } = await shell.run("od -An -v -tx1", { signal, input });
    expect(stdout.replaceAll(/\s+/g, "")).toBe(Buffer.from(input).toString("hex"));
  });
});

describe("a root shell", () => {
  it("that ends is GUEST_LOST with its standard error, and a slow one is not", async () => {
    const shell = await openShell("sh -c 'echo no such luck >&2; exit 1'");
    await expect(shell.run("echo", { signal })).rejects.toMatchObject({
      code: "GUEST_LOST",
      message: expect.stringContaining("no such luck"),
    });
    expect(shell.isOpen).toBe(false);
    await expect(shell.run("echo", { signal })).rejects.toMatchObject({ code: "GUEST_LOST" });
  });

  it("leaves out what its login shell prints and reads", async () => {
    const startUp = `echo hello; printf error >&2; read x; (sleep 0.3; echo late; printf late >&2) & set -x`;
    const shell = await openShell("/bin/sh", startUp);
    for (const script of ["echo out; echo err >&2; exit 7", "sleep 0.6; echo out; echo err >&2; exit 7"]) {
      const { status, stdout, stderr } = await shell.run(script, { signal });
      expect(status).toEqual({ kind: "exited", code: 7 });
      expect(stdout.replace("late\n", "")).toBe("out\n");
      expect(stderr.replace("late", "")).toBe("err\n");
    }
  });

  it("does not wait for a script that ends before its line, or at it", async () => {
    const shell = await openShell("/bin/sh");
    const ended = await shell.runUntilWaiting("echo 'not ready'; exit 4", { signal, waitsAfter: "ready" });
    expect(ended).toMatchObject({ status: { kind: "exited", code: 4 }, stdout: "not ready\n" });
    expect(shell.isWaiting).toBe(false);
    await expect(shell.answer("", { signal })).rejects.toThrow("no script waits");
    await shell.runUntilWaiting("echo ready", { signal, waitsAfter: "ready" });
    expect((await shell.run("echo next", { signal })).stdout).toBe("next\n");
  });

  it("is closed with a script that is aborted", async () => {
    const shell = await openShell("/bin/sh");
    const controller = new AbortController();
    const running = shell.run("sleep 600", { signal: controller.signal });
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
    expect(shell.isOpen).toBe(false);
  });
});
