import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { installedShells } from "../testing/installed-shells.ts";
import { runTask } from "../testing/run-task.ts";
import { inMountOrder, inRealOrder } from "./mount-order.ts";
import { realTargets } from "./posix/scripts.generated.ts";
import { findProfile } from "./registry.ts";

const profileOf = (os: string) => findProfile(os)("opam");
const taskWith = (targets: readonly string[], secretTargets: readonly string[] = []) =>
  runTask({
    caches: targets.map((target, n) => ({ name: `c${n}`, disk: `/d${n}`, formatted: true, target })),
    secrets: secretTargets.map((target) => ({ target, contents: Buffer.from("") })),
  });
const order = (os: string, targets: readonly string[]) =>
  inMountOrder(taskWith(targets), profileOf(os)).caches.map(({ index }) => index);

describe("caches", () => {
  it.each([
    [
      ["/x/y", "/x"],
      [1, 0],
    ],
    [
      ["/x/y/z", "/other", "/x/y", "/x"],
      [1, 3, 2, 0],
    ],
    [
      ["/x/./a/../y", "/x//"],
      [1, 0],
    ],
    [
      ["/x/y/", "/x/"],
      [1, 0],
    ],
    [
      ["/b", "/a"],
      [0, 1],
    ],
  ])("at %j are mounted with parents first, and otherwise as in the spec", (targets, expected) => {
    for (const os of ["linux", "openbsd"]) expect(order(os, targets)).toEqual(expected);
  });

  it("are mounted with parents first on Windows, in every form of its paths", () => {
    expect(order("windows", [String.raw`C:\x\y\z`, "c:/X", "/cygdrive/c/x/Y"])).toEqual([1, 2, 0]);
  });

  it.each([
    ["linux", "/x/y", "/x/./y/"],
    ["openbsd", "/x/y", "/x//y"],
    ["windows", String.raw`C:\x\y`, "/cygdrive/c/X/y"],
  ])("with the same target on %s are refused", (os, a, b) => {
    expect(() => order(os, [a, b])).toThrow(expect.objectContaining({ code: "UNSUPPORTED" }));
  });

  it.each(["/", "//", "/x/.."])("cannot take the place of the root directory: %j", (target) => {
    for (const os of ["linux", "openbsd"]) {
      const profile = profileOf(os);
      expect(() => profile.mount(inMountOrder(taskWith([target]), profile))).toThrow(/the root directory/);
    }
  });

  it("keep their own disks, and are unmounted in reverse, secrets before them", () => {
    const profile = profileOf("linux");
    const task = inMountOrder(taskWith(["/x/y", "/x/"], ["/x/s", "/x/s2/t"]), profile);
    const mounts = profile.mount(task).map(({ script = "" }) => /^set -- (.*)/.exec(script)?.[1]);
    expect(mounts.slice(0, 2)).toEqual([
      "obuilder-cache-002 c /x yes name opam ''",
      "obuilder-cache-001 b /x/y yes name opam ''",
    ]);
    expect(profile.unmount(task, "processes: 1")[0]?.script).toMatch(
      /^set -- 1 2 \/x\/s2\/t \/x\/s \/x\/y \/x\n/,
    );
  });

  it("have the disks in the order of the VM on Windows, and junctions in that of the targets", () => {
    const profile = profileOf("windows");
    const task = inMountOrder(taskWith([String.raw`C:\x\y`, String.raw`C:\x`]), profile);
    expect(profile.mount(task).map(({ purpose }) => purpose)).toEqual([
      "prepare the disks of the step's caches",
      String.raw`mount the cache c1 at C:\x`,
      String.raw`mount the cache c0 at C:\x\y`,
    ]);
    expect(task.caches.map(({ index }) => index)).toEqual([1, 0]);
  });
});

describe("symbolic links in the guest", () => {
  const task = inMountOrder(taskWith(["/link", "/x/y"]), profileOf("linux"));

  it("are followed to find the parents", () => {
    const seen = (report: string) =>
      inRealOrder(task, report).caches.map(({ index, target }) => `${index} ${target}`);
    expect(seen("/x/y/z\n/x/y\n")).toEqual(["1 /x/y", "0 /x/y/z"]);
    expect(seen("/a\n/x/y\n")).toEqual(["0 /a", "1 /x/y"]);
  });

  it("that lead two caches to one directory are an error", () => {
    expect(() => inRealOrder(task, "/x/y\n/x/./y\n")).toThrow(
      expect.objectContaining({ code: "CACHE", message: expect.stringContaining("c0 and c1") }),
    );
  });

  it("are ignored if the guest does not say where each target leads", () => {
    expect(inRealOrder(task, "/a\n/b\n/c\n")).toBe(task);
    expect(inRealOrder(task, "")).toBe(task);
    expect(inRealOrder(task, "/a\nb\n")).toBe(task);
  });

  it.each(installedShells)("are found by %s", (shell) => {
    const root = realpathSync(mkdtempSync(join(tmpdir(), "targets-")));
    try {
      mkdirSync(join(root, "a b/deep"), { recursive: true });
      symlinkSync("a b/deep", join(root, "link"));
      const asked = ["link", "link/new/one", "link/../x", "a b", "none/../y"].map(
        (path) => `${root}/${path}`,
      );
      const found = execFileSync(shell, ["-c", realTargets, "obuilder", ...asked, "/"]).toString();
      const expected = ["a b/deep", "a b/deep/new/one", "a b/x", "a b", "none/../y"];
      expect(found).toBe(`${expected.map((path) => `${root}/${path}\n`).join("")}/\n`);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
