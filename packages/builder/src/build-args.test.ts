import { isObError, type ObEvent } from "@ob/core";
import { parseSpecWithSource } from "@ob/spec";
import { expect, test } from "vitest";
import { bench, request, transcript } from "./builds.test.helper.ts";
import { expandRequest } from "./expand-request.ts";
import type { BuildRequest } from "./request.ts";

const withArgs = `((arg IMAGE base)
 (build tools ((from other) (arg V) (run (shell "make $V"))))
 (from \${IMAGE})
 (arg V 1)
 (workdir /src/\${V})
 (run (shell "echo $V"))
 (copy (from (build tools)) (src /x) (dst /\${V}/)))`;

function parsed(text: string, more: Partial<BuildRequest> = {}): BuildRequest {
  return { ...request("((from base))"), ...parseSpecWithSource(text, { file: "t.spec" }), ...more };
}

const given = (values: Readonly<Record<string, string>>) => ({ buildArgs: new Map(Object.entries(values)) });

test("a build with args has the layers of the spec that says their values with env", async () => {
  await using setting = bench();
  const { builder, sandbox, events } = setting;
  const plain = `((build tools ((from other) (env V 7) (run (shell "make $V"))))
    (from base) (env V 7) (workdir /src/7) (run (shell "echo $V")) (copy (from (build tools)) (src /x) (dst /7/)))`;
  const planned = await builder.plan(parsed(withArgs, given({ V: "7" })));
  const id = await builder.build(parsed(withArgs, given({ V: "7" })));
  expect(planned.at(-1)?.id).toBe(id);
  expect(await builder.build(request(plain))).toBe(id);
  const run = sandbox.steps.find(({ task }) => task.kind === "run" && task.command === "echo $V");
  expect(run?.task).toMatchObject({ workdir: "/src/7", environment: [["V", "7"]] });
  expect(transcript(events)).toContain("/: (env V 7)\n");
});

test("another value of an arg makes other steps after it, and none before", async () => {
  await using setting = bench();
  const text = "((from base) (run (shell first)) (arg V) (run (shell second)))";
  const ids = async (V: string) =>
    (await setting.builder.plan(parsed(text, given({ V })))).map(({ id }) => id);
  const [one, two] = [await ids("1"), await ids("2")];
  expect(one.slice(0, 2)).toEqual(two.slice(0, 2));
  expect(one[2]).not.toBe(two[2]);
});

test("an arg without a value is an error with its line, before anything is built", async () => {
  await using setting = bench();
  const error = await setting.builder
    .build(parsed("((from base)\n (arg V))"))
    .catch((thrown: unknown) => thrown);
  expect(isObError(error, "BAD_SPEC") && error).toMatchObject({
    message: 'The arg "V" has no value: none was given, and it has no default.',
    at: { file: "t.spec", line: 2, column: 2 },
    data: { arg: "V" },
  });
  expect(setting.events).toEqual([]);
});

test("a value that no arg takes is a warning with the nearest name; a build inside another one can take it", () => {
  const warnings: string[] = [];
  const emit = (event: ObEvent) => void (event.type === "log" && warnings.push(event.text));
  const buildArgs = new Map([
    ["VERSON", "1"],
    ["V", "1"],
  ]);
  expandRequest(parsed("((build b ((from x) (arg V))) (from base) (arg VERSION 1))", { buildArgs }), {
    emit,
  });
  expect(warnings).toEqual(['No (arg …) of the spec takes the value of "VERSON". Did you mean VERSION?']);
});

test("a request without args stays the same, and one that was expanded is not expanded again", () => {
  const plain = parsed("((from ${base}))");
  expect(expandRequest(plain)).toEqual(plain);
  const once = expandRequest(parsed("((from base) (arg V) (env K ${V}))", given({ V: "${X}" })));
  expect(expandRequest(once)).toEqual(once);
  expect(once.spec.ops.at(-1)).toEqual({ op: "env", key: "K", value: "${X}" });
});

test("a target is built with what it copies from, as in the whole spec", async () => {
  await using setting = bench();
  const { builder, sandbox } = setting;
  const text = `((build a ((from base) (run (shell a))))
    (build unused ((from base) (run (shell unused))))
    (build b ((from other) (run (shell b)) (copy (from (build a)) (src /f) (dst /f))))
    (from base) (copy (from (build b)) (src /f) (dst /f)))`;
  const whole = await builder.plan(parsed(text));
  const id = await builder.build(parsed(text, { target: "b" }));
  expect(sandbox.commands).toEqual(["a", "b"]);
  expect(id).toBe(whole.filter(({ build }) => build[0] === "b").at(-1)?.id);
  await expect(builder.build(parsed(text, { target: "unusd" }))).rejects.toMatchObject({
    code: "USAGE",
    message: 'The spec has no build "unusd".',
    hint: "Did you mean unused?",
  });
  await expect(builder.build(parsed("((from base))", { target: "b" }))).rejects.toMatchObject({
    hint: "It has no nested builds.",
  });
});

test("what is wrong in a target is reported at its line", async () => {
  await using setting = bench();
  const text = "((build b\n ((from missing)))\n (from base))";
  await expect(setting.builder.build(parsed(text, { target: "b" }))).rejects.toMatchObject({
    code: "BASE_IMAGE",
    at: { line: 2, column: 9 },
  });
});
