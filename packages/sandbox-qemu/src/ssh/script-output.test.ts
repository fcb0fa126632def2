import { describe, expect, it } from "vitest";
import { ScriptOutput } from "./script-output.ts";

const mark = "obuilder-0123456789abcdef";
const whole = `hello${mark}>out\n\n${mark} 7\nlate`;

function read(pieces: readonly string[]): ScriptOutput {
  const output = new ScriptOutput(mark);
  for (const piece of pieces) output.add(piece);
  return output;
}

describe("the output of a script in the root shell", () => {
  it.each([1, 2, 5, 13, 200])("is found in pieces of %i characters", (length) => {
    const pieces = Array.from({ length: Math.ceil(whole.length / length) }, (_, index) =>
      whole.slice(index * length, (index + 1) * length),
    );
    const { text, code } = read(pieces);
    expect({ text, code }).toEqual({ text: "out\n", code: 7 });
  });

  it("is what the shell has printed as long as no script has begun", () => {
    const output = read(["no such ", "luck"]);
    expect([output.text, output.hasStarted, output.code]).toEqual(["no such luck", false, undefined]);
  });

  it("has no status before the end of its line, and one that is too long is none", () => {
    expect(read([`${mark}>a\n${mark} 1`]).code).toBeUndefined();
    expect(read([`${mark}>a\n${mark} `, "x".repeat(100)]).code).toBeNaN();
  });

  it("is bounded, and its last part is kept", () => {
    const output = read([`${mark}>`]);
    for (let sent = 0; sent < 100; sent++) output.add("y\n".repeat(16_384));
    output.add(`last\n${mark} 0\n`);
    expect(output.text.length).toBeLessThan(600_000);
    expect(output.text.endsWith("y\nlast")).toBe(true);
    expect(output.code).toBe(0);
  });
});
