import { parseSpecWithSource } from "@ob/spec";
import { describe, expect, test } from "vitest";
import { bench, request, transcript } from "./builds.test.helper.ts";

describe("a build", () => {
  test("emits each step as in the original's transcript, with its output", async () => {
    await using setting = bench();
    await setting.builder.build(
      request('((from base) (workdir /src) (env A "1 2") (run (shell "make all")))'),
    );
    expect(transcript(setting.events)).toBe(
      [
        "(from base)",
        "---> saved",
        "/: (workdir /src)",
        '/src: (env A "1 2")',
        '/src: (run (shell "make all"))',
        "make all",
        "---> saved",
        "",
      ].join("\n"),
    );
  });

  test("runs nothing a second time, and emits the stored logs", async () => {
    await using setting = bench();
    const first = await setting.builder.build(request("((from base) (run (shell one)) (run (shell two)))"));
    setting.events.length = 0;
    const again = await setting.builder.build(request("((from base) (run (shell one)) (run (shell two)))"));
    expect(again).toBe(first);
    expect(setting.sandbox.commands).toEqual(["one", "two"]);
    expect(transcript(setting.events)).toBe(
      "(from base)\n---> cached\n/: (run (shell one))\none\n---> cached\n/: (run (shell two))\ntwo\n---> cached\n",
    );
    expect([...setting.store.touched.values()]).toEqual([1, 1, 1]);
  });

  test("has nested builds first, one after the other, each announced and finished", async () => {
    await using setting = bench();
    await setting.builder.build(
      request(
        "((build a ((build b ((from other) (run (shell b)))) (from base) (run (shell a)))) (from base) (run (shell main)))",
      ),
    );
    expect(setting.sandbox.commands).toEqual(["b", "a", "main"]);
    const starts = setting.events.flatMap((event) =>
      event.type === "step-started" ? [event.step.build] : [],
    );
    expect(starts).toEqual([["a", "b"], ["a", "b"], ["a"], ["a"], [], []]);
    expect(setting.events.flatMap((event) => (event.type === "note" ? [event.text] : []))).toEqual([
      '(build "a" …)',
      '(build "b" …)',
      '--> finished "b"',
      '--> finished "a"',
    ]);
  });

  test("stops at the step that fails, whose log is kept and whose layer is not", async () => {
    await using setting = bench({
      run: ({ task, output }) => {
        output(`ran ${task.command}\n`);
        return task.command === "bad" ? 3 : 0;
      },
    });
    const failing = setting.builder.build(request("((from base) (run (shell bad)) (run (shell never)))"));
    await expect(failing).rejects.toMatchObject({ code: "STEP_FAILED", exitCode: 3 });
    expect(transcript(setting.events)).toBe(
      "(from base)\n---> saved\n/: (run (shell bad))\nran bad\n---> failed\n",
    );
    const last = setting.events.findLast((event) => event.type === "step-finished");
    if (last?.type !== "step-finished") throw new TypeError("no step");
    expect(setting.store.logOf(last.step.id)).toBe("ran bad\n");
    expect(await setting.store.find(last.step.id)).toBeUndefined();
    expect(setting.store.openWriters).toBe(0);
  });

  test("without the base image fails with the store's error", async () => {
    await using setting = bench();
    await expect(setting.builder.build(request("((from none))"))).rejects.toMatchObject({
      code: "BASE_IMAGE",
    });
    expect(setting.store.openWriters).toBe(0);
  });

  test("needs no base image once its layer is there", async () => {
    await using setting = bench();
    await setting.builder.build(request("((from base))"));
    setting.store.removeImage("base");
    await setting.builder.build(request("((from base) (run (shell x)))"));
    expect(setting.sandbox.commands).toEqual(["x"]);
  });

  test("checks the whole spec before anything is built", async () => {
    await using setting = bench();
    const wanting = request("((from base) (run (shell long)) (run (secrets (s (target /s))) (shell x)))");
    await expect(setting.builder.build(wanting)).rejects.toMatchObject({ code: "BAD_SECRET" });
    expect(setting.store.timesBegun.size).toBe(0);
    expect(setting.events).toEqual([]);
  });

  test("gives its events to its own listener, where it has one", async () => {
    await using setting = bench();
    const own: string[] = [];
    await setting.builder.build(request("((from base))"), { emit: (event) => own.push(event.type) });
    expect(setting.events).toEqual([]);
    expect(own).toEqual(["step-started", "log", "step-finished"]);
  });

  test("that was cancelled before it began does nothing", async () => {
    await using setting = bench();
    const building = setting.builder.build(request("((from base))"), { signal: AbortSignal.abort() });
    await expect(building).rejects.toMatchObject({ code: "CANCELLED" });
    expect(setting.store.timesBegun.size).toBe(0);
  });
});

test("the error of a step names the step, its place in the spec and its last lines", async () => {
  await using setting = bench({ run: ({ output }) => (output("one\ntwo\n"), 3) });
  const text = "((build dev ((from base)\n  (run (shell x))))\n (from base))";
  const failing = setting.builder.build({
    ...request(text),
    ...parseSpecWithSource(text, { file: "a.spec" }),
  });
  await expect(failing).rejects.toMatchObject({
    code: "STEP_FAILED",
    exitCode: 3,
    at: { file: "a.spec", line: 2, column: 3 },
    step: { op: "run", heading: "/: (run (shell x))", build: ["dev"], output: "one\ntwo" },
  });
});
