import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { Screen } from "../testing/terminal.ts";
import { outputTakenBy } from "./output-taken.ts";
import { PacedTerminal } from "./paced-terminal.ts";

test("a terminal gets a long output in short turns, and nothing more is taken until it has it", async () => {
  const screen = new Screen();
  const terminal = new PacedTerminal(screen);
  const taken = outputTakenBy(terminal);
  const text = `${"𝄞".repeat(200_000)}end\n`;
  expect(taken()).toBeUndefined();
  terminal.write("start\n");
  expect(screen.text).toBe("start\n");
  terminal.write(text);
  const full = taken();
  expect(full).toBeInstanceOf(Promise);
  expect(taken()).toBe(full);
  for (let before = screen.bytes.length; taken(); before = screen.bytes.length) {
    await nextTurn();
    expect(screen.bytes.length - before).toBeLessThanOrEqual(2 * (8_192 + 1));
  }
  await full;
  expect(screen.text).toBe(`start\n${text}`);
});

test("what waits for a terminal is written at once where the command leaves it", () => {
  const screen = new Screen();
  const terminal = new PacedTerminal(screen);
  for (const part of ["a", "b", "c"]) terminal.write(part.repeat(20_000));
  expect(screen.text.length).toBeLessThan(20_000);
  terminal.flush();
  expect(screen.text).toBe("a".repeat(20_000) + "b".repeat(20_000) + "c".repeat(20_000));
});

test("a stream that was closed holds nothing up", async () => {
  const stuck = Object.assign(new Screen(), { _write: () => undefined });
  const taken = outputTakenBy(stuck);
  stuck.write("x".repeat(300_000));
  const full = taken();
  expect(full).toBeInstanceOf(Promise);
  stuck.destroy();
  await full;
});
