import { mkdtemp, readFile, rm } from "node:fs/promises";
import { realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { ObError } from "./errors.ts";
import type { ObEvent } from "./events.ts";
import { tailLines, missingTool, run } from "./exec.ts";

const node = process.execPath;

/** Runs a script with these arguments in its own Node.js process. */
function script(text: string, ...args: readonly string[]): readonly [string, ...string[]] {
  return [node, "-e", text, ...args];
}

test("arguments reach the program as they stand", async () => {
  const args = ["a b", "$HOME", "*", '"', "'", "`id`", "", "ü", "line\nline"];
  const { stdout } = await run(script("console.log(JSON.stringify(process.argv.slice(1)))", ...args));
  expect(JSON.parse(stdout)).toEqual(args);
});

test("the program gets the environment, without what looks like a secret, and what it is given", async () => {
  const secrets = ["OBUILDER_QUEUE", "OBUILDER_QUEUE_PASSWORD", "OTEL_EXPORTER_OTLP_HEADERS", "GITHUB_TOKEN"];
  for (const name of [...secrets, "SOME_VARIABLE"]) vi.stubEnv(name, "canary");
  try {
    const print = script("console.log(JSON.stringify(process.env))");
    const { stdout } = await run(print, { env: { A_TOKEN: "given" } });
    const found = Object.entries(JSON.parse(stdout)).filter(([, value]) =>
      ["canary", "given"].includes(String(value)),
    );
    expect(Object.fromEntries(found)).toEqual({ SOME_VARIABLE: "canary", A_TOKEN: "given" });
  } finally {
    vi.unstubAllEnvs();
  }
});

test("output can go to a file, byte for byte", async () => {
  const directory = await mkdtemp(join(tmpdir(), "exec-test-"));
  try {
    const stdoutFile = join(directory, "out");
    const print = script("process.stdout.write(Buffer.from('00ff0a0a', 'hex')); console.error('err')");
    expect(await run(print, { stdoutFile })).toEqual({ stdout: "", stderr: "err" });
    expect((await readFile(stdoutFile)).toString("hex")).toBe("00ff0a0a");
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("output and errors come apart, without their last newline", async () => {
  const result = await run(script("console.log('out'); console.error('err')"));
  expect(result).toEqual({ stdout: "out", stderr: "err" });
});

test("the program reads the input, and nothing if there is none", async () => {
  const cat = script("process.stdin.pipe(process.stdout)");
  expect((await run(cat, { input: "given" })).stdout).toBe("given");
  expect((await run(cat)).stdout).toBe("");
});

test("the program gets a directory and further variables", async () => {
  const cwd = realpathSync(await mkdtemp(join(tmpdir(), "ob-exec-")));
  try {
    const { stdout } = await run(
      script("console.log(process.cwd(), process.env.GIVEN, !!process.env.PATH)"),
      {
        cwd,
        env: { GIVEN: "yes" },
      },
    );
    expect(stdout).toBe(`${cwd} yes true`);
  } finally {
    await rm(cwd, { recursive: true });
  }
});

test("each run is reported as an event", async () => {
  const events: ObEvent[] = [];
  const argv = script("");
  await run(argv, { emit: (event) => events.push(event) });
  expect(events).toEqual([{ type: "exec", argv }]);
});

test("a program that fails is an error with its status and last lines", async () => {
  const failing = run(script("for (let i = 0; i < 20; i++) console.error('line', i); process.exitCode = 7"));
  const error = await failing.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ObError);
  expect(error).toMatchObject({ code: "TOOL_FAILED" });
  expect(String(error)).toMatch(/exit status 7:\nline 12\n(line \d+\n)*line 19$/);
});

test("a full disk has its own error code", async () => {
  const failing = run(script("console.error('cp: x: No space left on device'); process.exitCode = 1"));
  await expect(failing).rejects.toMatchObject({
    code: "NO_SPACE",
    hint: expect.stringContaining("Free some space"),
  });
});

test("a program that is not there is named, with its package where we know it", async () => {
  await expect(run(["no-such-program-of-ours"])).rejects.toMatchObject({
    code: "MISSING_TOOL",
    message: expect.stringContaining("no-such-program-of-ours"),
  });
  expect(missingTool("qemu-img").hint).toContain("qemu-utils");
});

test("a signal that has fired keeps the program from starting", async () => {
  const events: ObEvent[] = [];
  const running = run(script(""), { signal: AbortSignal.abort(), emit: (event) => events.push(event) });
  await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
  expect(events).toEqual([]);
});

test("a signal ends the program, and the error says that it was cancelled", async () => {
  const controller = new AbortController();
  const running = run(script("setInterval(() => {}, 1000)"), {
    signal: controller.signal,
    emit: () => setImmediate(() => controller.abort()),
  });
  await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
});

test("a program that does not end in time is ended", async () => {
  const running = run(script("setInterval(() => {}, 1000)"), { timeoutMs: 200 });
  await expect(running).rejects.toMatchObject({
    code: "TOOL_FAILED",
    message: expect.stringContaining("did not end in time"),
  });
});

test("tailLines leaves blank lines out", () => {
  expect(tailLines("a\n\nb\r\n  \nc\n", 2)).toBe("b\nc");
  expect(tailLines("", 2)).toBe("");
});
