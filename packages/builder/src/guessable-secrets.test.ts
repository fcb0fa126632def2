import { type ObEvent } from "@ob/core";
import { parseSpec } from "@ob/spec";
import { expect, test } from "vitest";
import { warnOfGuessableSecrets } from "./guessable-secrets.ts";

function warningsFor(values: Readonly<Record<string, string>>): readonly string[] {
  const events: ObEvent[] = [];
  const secrets = new Map(Object.entries(values).map(([id, value]) => [id, Buffer.from(value)]));
  const spec = parseSpec("((from base))", { file: "test" });
  warnOfGuessableSecrets({ spec, sourceDirectory: "/src", secrets }, (event) => events.push(event));
  return events.flatMap((event) => (event.type === "log" ? [`${event.level}: ${event.text}`] : []));
}

test.each([
  ["1234", 13],
  ["1234\n", 13],
  ["", 0],
  ["hunter2", 36],
  ["Password!", 57],
  ["8461527394615284617", 63],
  ["9999999999999999999", 6],
  ["73918264\r\n", 26],
  [`${" ".repeat(100)}7391${" ".repeat(100)}`, 13],
  [`ab${"x".repeat(100)}`, 18],
])("a secret with the value %j is called guessable: at most %i bits", (value, bits) => {
  expect(warningsFor({ pin: value })).toEqual([
    expect.stringContaining(`warning: The secret "pin" can be guessed: it has at most ${bits} bits,`),
  ]);
});

test.each([
  ["a token in base64", "bG9uZyBzZWNyZXQ="],
  ["16 hexadecimal digits", "deadbeef01234567"],
  ["a key of many lines", "-----BEGIN KEY-----\nAAAA\n".repeat(10)],
  ["random bytes", "\u0080\u00ff\u0013\u0001\u00f0\u0099\u0002\u0003"],
])("%s is not", (_kind, value) => {
  expect(warningsFor({ token: value })).toEqual([]);
});

test("the value itself is not in the warning", () => {
  expect(warningsFor({ pin: "7391" }).join("\n")).not.toContain("7391");
});
