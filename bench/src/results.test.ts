import { describe, expect, it } from "vitest";
import { targets, isMet } from "./targets.ts";
import { bareArgv } from "./guest.ts";
import { plot } from "./plot.ts";
import { report } from "./report.ts";
import { median, Results } from "./results.ts";

function measured(samples: Readonly<Record<string, readonly number[]>>): Results {
  const results = new Results();
  for (const [name, values] of Object.entries(samples)) for (const value of values) results.add(name, value);
  return results;
}

describe("a median", () => {
  it("is the middle value, and undefined without samples", () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([])]).toEqual([2, 2.5, undefined]);
  });
});

describe("the targets", () => {
  it("have a value only if both metrics were measured", () => {
    const [target] = targets;
    expect(target?.value(measured({ "cold first step": [7] }))).toBeUndefined();
    const value = target?.value(measured({ "cold first step": [7, 6, 8], "bare boot": [5] }));
    expect(value).toBe(1.4);
    expect(target && isMet(target, 1.15)).toBe(true);
    expect(target && isMet(target, 1.16)).toBe(false);
  });
});

describe("the report", () => {
  it("omits what was not measured", async () => {
    const text = await report(
      measured({ "cache: 100 MB": [20, 30, 25], "cache: 4 GB": [50] }),
      "npm run bench",
    );
    expect(text).toContain("| cache acquired and released, 4 GB / 100 MB | ≤ 1.2 | 2.00 | **not met** |");
    expect(text).toContain("| cache: 100 MB | 25.0 ms |  | 3: 20.0 ms to 30.0 ms |");
    expect(text).not.toContain("bare boot");
  });
});

describe("the plot", () => {
  it("shows the median run of each name", () => {
    const results = new Results();
    for (const milliseconds of [9_000, 1_000, 4_000]) {
      results.addTimeline("a <b>", [
        { name: "boot", milliseconds },
        { name: "run", milliseconds: 500 },
      ]);
    }
    const svg = plot(results.timelines());
    expect(svg).toContain("a &lt;b>");
    expect(svg).toContain("4.50 s</text>");
    expect(svg).not.toContain("9.50 s");
  });
});

describe("a bare argv", () => {
  it("has obuilder's devices, and nothing that depends on obuilder", () => {
    const argv = [
      "qemu-system-x86_64",
      ...["-chardev", "socket,id=qmp,fd=3", "-chardev", "socket,id=console,fd=4,logfile=/x"],
      ...["-netdev", "user,id=net0,hostfwd=tcp:127.0.0.1:0-:22"],
      ...["-blockdev", '{"file":{"driver":"file","filename":"/store/result-tmp/ab/rootfs/image.qcow2"}}'],
    ];
    const bare = bareArgv(argv, { disk: "/my.qcow2", port: 4_022 });
    expect(bare.join(" ")).not.toMatch(/fd=|result-tmp/);
    expect(bare).toContain('{"file":{"driver":"file","filename":"/my.qcow2"}}');
    expect(bare).toContain("user,id=net0,hostfwd=tcp:127.0.0.1:4022-:22");
    expect(bare).toHaveLength(argv.length);
  });
});
