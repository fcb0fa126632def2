import { expect, test } from "vitest";
import { isLoopbackAddress, readWatchSettings } from "./watch-options.ts";

test.each([
  ["9464", { host: "127.0.0.1", port: 9464 }],
  ["localhost:0", { host: "127.0.0.1", port: 0 }],
  ["10.0.0.5:80", { host: "10.0.0.5", port: 80 }],
  ["[::1]:9464", { host: "::1", port: 9464 }],
])("--http %s is an address", (text, http) => {
  expect(readWatchSettings({ http: text })).toEqual({ http, board: false, logFormat: "text" });
});

test.each([
  "",
  ":9464",
  "host.example:9464",
  "1.2.3:80",
  "127.0.0.1",
  "127.0.0.1:70000",
  "::1:80",
  "[::1]80",
])("--http %j is none", (text) => {
  expect(() => readWatchSettings({ http: text })).toThrow(expect.objectContaining({ code: "USAGE" }));
});

test("--board is served where --http says", () => {
  expect(readWatchSettings({ http: "9464", board: true })).toMatchObject({ board: true });
  expect(() => readWatchSettings({ board: true })).toThrow("--board needs --http");
});

test("without options nothing is served", () => {
  expect(readWatchSettings({})).toEqual({ http: undefined, board: false, logFormat: "text" });
});

test("the loopback is told from other addresses", () => {
  expect(["127.0.0.1", "127.9.9.9", "::1"].every(isLoopbackAddress)).toBe(true);
  expect(["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example"].some(isLoopbackAddress)).toBe(false);
});
