import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { capturedState } from "../../testing/captured-state.ts";
import { maxStateLength, parseCapturedState, parseReportedState } from "./guest-state.ts";

function captured(text: string) {
  const parsed = parseCapturedState(text);
  if (parsed.kind === "malformed") throw new Error(parsed.reason);
  return parsed.state;
}

describe("a captured state", () => {
  const state = captured(capturedState);

  it("has mounts, files, forks and the clock as values", () => {
    expect(state.mounts).toMatchObject([
      { id: "21", device: "0:19", directory: "/proc", type: "proc" },
      { id: "23", device: "254:1", directory: "/", type: "ext4" },
      { id: "24", device: "0:20", directory: "/run", type: "tmpfs" },
    ]);
    expect(state.files).toHaveLength(5);
    expect(state.files[2]).toEqual({
      ...{ path: "/dev/vdb", mode: 0o60600, uid: 0, gid: 6, device: "fe:10", size: 0n, inode: 99n },
      ...{ modified: 100, changed: 100 },
    });
    expect(state).toMatchObject({ home: "/home/opam", forks: 180, clock: 1_795_475_300 });
  });

  it("has the settings that do not change by themselves, and their digest as the guest computes it", () => {
    const lines = ["kernel/hostname:obuilder", "vm/swappiness:60"];
    const input = lines.map((line) => `${line}\n`).join("");
    expect(state.settings).toEqual({
      lines,
      digest: execFileSync("md5sum", { input, encoding: "utf8" }).split(" ")[0],
    });
    expect(state.settingNames).toEqual(["kernel/hostname", "net/ipv4/route/flush", "vm/swappiness"]);
  });

  it("keeps blanks in a path, and inodes beyond 2^53", () => {
    const text = `${capturedState}stat: 81a4 0 0 0:0 18446744073709551615 18446744073709551614 -1 0 /run/a  b\n`;
    expect(captured(text).files.at(-1)).toMatchObject({
      ...{ path: "/run/a  b", size: 2n ** 64n - 1n, inode: 2n ** 64n - 2n, modified: -1 },
    });
  });

  it("keeps a line that is not known as one that must not change", () => {
    const text = `${capturedState}/proc/17/maps\nanything else\n`;
    expect(captured(text).facts).toEqual(
      expect.arrayContaining(["0:\tfrom all lookup local", "/proc/17/maps", "anything else"]),
    );
  });
});

describe("a malformed state", () => {
  it.each([
    ["a mount", "/proc/self/mountinfo:"],
    ["a mount without a type", "/proc/self/mountinfo:21 23 0:19 / /proc rw,relatime"],
    ["a mount on no path", "/proc/self/mountinfo:21 23 0:19 / proc rw,relatime - proc proc rw"],
    ["a file", "stat: 41ed 0 0 0:0 140 1 100"],
    ["a file without a path", "stat: 41ed 0 0 0:0 140 1 100 100 "],
    ["a file with an odd mode", "stat: 0x1f 0 0 0:0 140 1 100 100 /run"],
    ["a file with a size of 30 digits", `stat: 41ed 0 0 0:0 ${"9".repeat(30)} 1 100 100 /run`],
    ["a number of forks", "/proc/stat:processes many"],
    ["a clock", "clock: soon"],
    ["an empty clock", "clock: "],
  ])("has %s that cannot be read, and names the line", (_, line) => {
    const reason = `it has the line ${JSON.stringify(line)}`;
    expect(parseCapturedState(`${capturedState}${line}\n`)).toEqual({ kind: "malformed", reason });
    expect(parseReportedState(line)).toEqual({ kind: "malformed", reason });
  });

  it.each([
    ["no home directory", /^home.*$/m, ""],
    ["two home directories", /^home.*$/m, "home: /root\nhome: /home"],
    ["no list of settings", /^settings.*$/m, ""],
    [
      "unchanged settings, of which nothing is known",
      /^\/proc\/sys\/[^]*?(?=\/proc\/self)/m,
      "settings: unchanged\n",
    ],
  ])("has %s", (_, from, to) => {
    expect(parseCapturedState(capturedState.replace(from, to)).kind).toBe("malformed");
  });

  it("is longer than what any guest has to say", () => {
    expect(parseReportedState("x\n".repeat(maxStateLength / 2)).kind).toBe("parsed");
    expect(parseReportedState(`${"x\n".repeat(maxStateLength / 2)}x`)).toEqual({
      ...{ kind: "malformed", reason: "it is longer than 1048576 characters" },
    });
  });

  it("is read in time however many lines it has of a kind", () => {
    for (const line of [
      "clock: 1",
      "/proc/stat:processes 1",
      "stat: 1 1 1 0:0 1 1 1 1 /a",
      "home: ",
      "\0",
      "::",
    ]) {
      const text = `${line}\n`.repeat(Math.floor(maxStateLength / (line.length + 1)));
      expect(parseReportedState(text).kind).toBe("parsed");
    }
  });
});
