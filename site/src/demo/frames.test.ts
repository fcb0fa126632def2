import { expect, it } from "vitest";
import { framesOf } from "./frames.ts";

const cast = (...events: readonly (readonly [time: number, text: string])[]) => ({
  columns: 20,
  rows: 3,
  title: "",
  events: events.map(([time, text]) => ({ time, text })),
});

it("shows what a terminal shows, with its styles", async () => {
  const text = "\u001B[1;32m$\u001B[m \u001B[38;5;196mred\u001B[m\r\n \u001B[7mback\u001B[m";
  expect(await framesOf(cast([1, text]))).toEqual([
    { time: 0, rows: [] },
    {
      time: 1,
      rows: [
        [
          { column: 0, text: "$", width: 1, style: { color: 2, bold: true } },
          { column: 2, text: "red", width: 3, style: { color: "#ff0000" } },
        ],
        [{ column: 1, text: "back", width: 4, style: { color: "back", background: "front" } }],
      ],
    },
  ]);
});

it("counts a character of East Asia as two columns", async () => {
  const [, frame] = await framesOf(cast([1, "日本 x"]));
  expect(frame?.rows).toEqual([[{ column: 0, text: "日本 x", width: 6, style: {} }]]);
});

it("follows a cursor that writes over what is there, and the scrolling of a full screen", async () => {
  const frames = await framesOf(cast([1, "one\r\ntwo\r\nthree"], [2, "\rTHREE\r\nfour"]));
  const texts = frames.map(({ rows }) => rows.map((runs) => runs.map(({ text }) => text).join("")));
  expect(texts).toEqual([[], ["one", "two", "three"], ["two", "THREE", "four"]]);
});

it("makes one frame of changes that follow each other at once, and none of no change", async () => {
  const frames = await framesOf(cast([1, "a"], [1.05, "b"], [1.1, "c"], [2, "\u001B[m"], [3, "d"]));
  expect(frames.map(({ time }) => time)).toEqual([0, 1.1, 3]);
});

it("shows changes that never pause, some times a second", async () => {
  const events = Array.from({ length: 100 }, (_, index) => [index / 50, `\r${index}`] as const);
  const frames = await framesOf(cast(...events));
  expect(frames.length).toBeGreaterThan(6);
  expect(frames.length).toBeLessThan(18);
});
