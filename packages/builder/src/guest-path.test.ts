import { describe, expect, test } from "vitest";
import { copyTarget, copySource } from "./guest-path.ts";

describe("on Windows", () => {
  test.each([
    String.raw`/C:\srv\in`,
    "/C:/srv/in",
    "C:/Users/opam/C:/srv/in",
    String.raw`C:\Users\opam/C:\srv\in`,
    "/cygdrive/C/srv/in",
  ])("%s is a path on drive C", (destination) => {
    expect(copyTarget("windows", destination)).toBe("C:/srv/in");
  });

  test.each([
    ["/C:\\srv\\in\\", "C:/srv/in/"],
    ["/cygdrive/d", "d:"],
    ["/home/opam/cygdrive/c", "/home/opam/cygdrive/c"],
    ["/src/abc:/x", "/src/abc:/x"],
    ["/srv/in/", "/srv/in/"],
    ["C:/Users/opam/src", "C:/Users/opam/src"],
  ])("%s is %s", (destination, place) => {
    expect(copyTarget("windows", destination)).toBe(place);
  });

  test("the name of an item follows the last slash or backslash", () => {
    expect(copySource("windows", String.raw`/C:\tool\bin`)).toBe("/C:/tool/bin");
  });
});

test.each(["linux", "openbsd"] as const)("on %s a backslash and a colon are ordinary characters", (os) => {
  expect(copyTarget(os, String.raw`/srv/C:\x`)).toBe(String.raw`/srv/C:\x`);
  expect(copySource(os, String.raw`/srv/C:\x`)).toBe(String.raw`/srv/C:\x`);
});
