import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { build } from "./support/obuilder.ts";
import { imageName, type TestStore, temporaryStore } from "./support/store.ts";

let store: TestStore;
beforeAll(async () => {
  store = await temporaryStore();
});
afterAll(() => store[Symbol.asyncDispose]());

const shellOnPort = `for each in /proc/[0-9]*; do sudo readlink $each/fd/0 2>&1 | grep -q /dev/vport && echo \${each#/proc/}; done`;
const step = (command: string): string => `(run (shell ${JSON.stringify(command)}))`;

describe("the root shell on a port of the machine", { timeout: 400_000 }, () => {
  it("serves one shell, and no other user", async () => {
    const commands = [
      `echo "shells: $(${shellOnPort} | wc -l)"`,
      `for port in /dev/vport*; do (: <$port) 2>&1; sudo sh -c ": <$port" 2>&1; done; pgrep -x sudo >&2 || echo none by sudo`,
    ];
    const result = await build(store, `((from ${imageName}) ${commands.map(step).join(" ")})`);
    expect(result.exitCode, result.all).toBe(0);
    expect(result.all).toMatch(/^shells: 1$/m);
    expect(result.all.match(/\/dev\/vport\dp[12]: Permission denied/g)).toHaveLength(2);
    expect(
      result.all.match(/(?:cannot open|can't open) \/dev\/vport\dp[12]: Device or resource busy/g),
    ).toHaveLength(2);
    expect(result.all).toMatch(/^none by sudo$/m);
  });

  it("may be ended by a step, whose layer is complete, and is there again in the next one", async () => {
    const kill = `echo kept >~/kept; sudo kill -9 $(${shellOnPort})`;
    const next = `cat ~/kept; echo "shells: $(${shellOnPort} | wc -l)"`;
    const result = await build(store, `((from ${imageName}) ${step(kill)} ${step(next)})`);
    expect(result.exitCode, result.all).toBe(0);
    expect(result.all).toMatch(/^kept\nshells: 1$/m);
  });

  it("is not needed by a layer whose init no longer starts it", async () => {
    const remove = "sudo rm /usr/local/lib/obuilder/root-shell";
    const next = `echo "shells: $(${shellOnPort} | wc -l)"; pgrep -x sudo >/dev/null && echo one by sudo; sudo touch /by-root`;
    const last = "ls -l /by-root";
    const steps = [remove, next, last].map(step).join(" ");
    const result = await build(store, `((from ${imageName}) ${steps})`);
    expect(result.exitCode, result.all).toBe(0);
    expect(result.all).toMatch(/^shells: 0\none by sudo$/m);
    expect(result.all).toMatch(/root root .* \/by-root$/m);
  });
});
