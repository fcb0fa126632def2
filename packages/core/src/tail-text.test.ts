import { expect, test } from "vitest";
import { TailText } from "./tail-text.ts";

test.each([1, 3, 4, 7, 30])("the last characters of a text in pieces of %i are kept", (length) => {
  const text = "abcdefghijklmnopqrstuvwxyz";
  const tail = new TailText(5);
  for (let at = 0; at < text.length; at += length) {
    tail.add(text.slice(at, at + length));
    expect(tail.text).toBe(text.slice(0, at + length).slice(-5));
  }
});
