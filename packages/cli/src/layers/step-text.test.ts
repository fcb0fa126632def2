import { expect, test } from "vitest";
import { stepText } from "./step-text.ts";

test.each([
  ['/home/opam/hello: (run (shell "make all"))', '(run (shell "make all"))'],
  ["/: (copy (src a) (dst b))", "(copy (src a) (dst b))"],
  ["(from debian-12-amd64)", "(from debian-12-amd64)"],
  ['/: (run (shell "echo x: (run y)"))', '(run (shell "echo x: (run y)"))'],
  [undefined, "-"],
])("shows %j as %j", (heading, expected) => {
  expect(stepText(heading, { whole: false })).toBe(expected);
  expect(stepText(heading, { whole: true })).toBe(heading ?? "-");
});
