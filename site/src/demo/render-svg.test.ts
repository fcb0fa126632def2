import { readFile, stat } from "node:fs/promises";
import { expect, it } from "vitest";
import { formatCast, parseCast } from "./cast.ts";
import type { Frame } from "./frames.ts";
import { makeSvg } from "./make-svg.ts";
import { pictureFile, recordingFile } from "./places.ts";
import { renderSvg } from "./render-svg.ts";
import { description } from "./scene.ts";

const options = { columns: 10, rows: 2, title: "A <title>", description: "What is seen", duration: 4 };
const run = (text: string) => ({ column: 0, text, width: text.length, style: {} });
const frames: readonly Frame[] = [
  { time: 0, rows: [] },
  { time: 1, rows: [[run("a & b")]] },
  { time: 3, rows: [[run("a & b")], [{ ...run("<i>"), style: { color: 2, bold: true } }]] },
];

it("moves a strip of frames, each at its time, and shows the last one to who wants less motion", () => {
  const svg = renderSvg(frames, options);
  expect(svg).toContain(
    "@keyframes play{0%{transform:translateY(-0px)}25%{transform:translateY(-38px)}75%{transform:translateY(-76px)}to{transform:translateY(-76px)}}",
  );
  expect(svg).toContain("animation:play 4s step-end infinite");
  expect(svg).toContain(
    "@media (prefers-reduced-motion:reduce){.strip{animation:none;transform:translateY(-76px)}}",
  );
});

it("has a row of several frames once", () => {
  const svg = renderSvg(frames, options);
  expect(svg.match(/>a &amp; b</g)).toHaveLength(1);
  expect(svg.match(/<use href="#l0"/g)).toHaveLength(2);
});

it("has a title and a description, and no text that could be read as a tag", () => {
  const svg = renderSvg(frames, options);
  expect(svg).toContain('<title id="title">A &lt;title&gt;</title>');
  expect(svg).toContain('<desc id="description">What is seen</desc>');
  expect(svg).toContain('class="c2 b">&lt;i&gt;</text>');
  expect(svg).not.toMatch(
    /<(i|script|image|a|foreignObject)\b|\bon[a-z]+=|url\(|https?:\/\/(?!www\.w3\.org\/2000\/svg")/,
  );
});

it("has no control characters, which XML does not know", () => {
  const svg = renderSvg([{ time: 0, rows: [[run("\u0007\u001B")]] }], options);
  expect(svg).toContain("\ufffd\ufffd");
});

it("reads the recordings that it writes", () => {
  const cast = { columns: 80, rows: 24, title: "x", events: [{ time: 0.5, text: "a\r\n\u001B[m" }] };
  expect(parseCast(formatCast(cast))).toEqual(cast);
  expect(() => parseCast('{"version":1}\n')).toThrow("not a recording of version 2");
});

it("draws the picture of the README from the recording that is kept", async () => {
  const [recording, picture] = await Promise.all([
    readFile(recordingFile, "utf8"),
    readFile(pictureFile, "utf8"),
  ]);
  expect((await makeSvg(recording, description)) === picture, "`npm run demo -- --draw` draws it").toBe(true);
  expect((await stat(pictureFile)).size).toBeLessThan(200_000);
  expect(parseCast(recording).events.at(-1)?.time).toBeLessThan(31);
  // Of the host that has recorded it.
  expect(recording).not.toMatch(/\/(home|root|work|tmp)\//);
});
