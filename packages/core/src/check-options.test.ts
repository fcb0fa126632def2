import { expect, test } from "vitest";
import { checkArgument, checkOptions } from "./check-options.ts";

test("options of the right kinds pass, whatever else there is", () => {
  class Store {
    get name() {
      return "s";
    }
  }
  expect(() =>
    checkOptions(
      "open",
      { store: new Store(), emit: () => {}, names: [], secrets: new Map(), other: 1 },
      {
        store: "object",
        emit: "function?",
        names: "array",
        secrets: "map?",
        size: "number?",
      },
    ),
  ).not.toThrow();
  // A member of the prototype counts.
  expect(() => checkOptions("open", new Store(), { name: "string" })).not.toThrow();
});

test.each([
  [undefined, "open takes an object with options, not undefined."],
  ["/store", "open takes an object with options, not a string."],
  [[], "open takes an object with options, not an array."],
  [{}, "open: directory must be a string, not undefined."],
  [{ directory: null }, "open: directory must be a string, not null."],
  [{ directory: "/x", size: "1G" }, "open: size must be a number, not a string."],
  [{ directory: "/x", secrets: {} }, "open: secrets must be a map, not an object."],
])("%j is refused by name", (options, message) => {
  const kinds = { directory: "string", size: "number?", secrets: "map?" } as const;
  expect(() => checkOptions("open", options, kinds)).toThrow(new TypeError(message));
});

test("an argument is named", () => {
  expect(() => checkArgument("run: argv", "ls", "array")).toThrow(
    new TypeError("run: argv must be an array, not a string."),
  );
});
