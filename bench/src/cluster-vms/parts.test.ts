import { describe, expect, it } from "vitest";
import { spawn } from "node:child_process";
import { figureTable, isMet, percentileOf, valueOf } from "./figures.ts";
import { WorkerLog } from "./worker-log.ts";

describe("a figure", () => {
  const times = { title: "takeover", samples: [5.1, 6.5, 5.5], unit: "s" } as const;
  const aim = { kind: "at most", limit: 6 } as const;

  it("is the median of its samples, or the longest one where that counts", () => {
    expect([valueOf(times), valueOf({ ...times, counts: "max" })]).toEqual([5.5, 6.5]);
    expect([isMet({ ...times, aim }), isMet({ ...times, aim, counts: "max" }), isMet(times)]).toEqual([
      true,
      false,
      true,
    ]);
  });

  it("is not met if it was not measured", () => {
    expect(isMet({ ...times, samples: [], aim })).toBe(false);
    expect(isMet({ title: "layers", unit: "", samples: [19], aim: { kind: "exactly", limit: 20 } })).toBe(
      false,
    );
  });

  it("is a row with its aim and its spread", () => {
    const rows = figureTable([
      { ...times, aim, counts: "max" },
      { title: "layers", unit: "", samples: [20] },
    ]).split("\n");
    expect(rows.slice(2)).toEqual([
      "| takeover | ≤ 6 s | 6.50 s (longest) | **not met** | 3: 5.10 s to 6.50 s |",
      "| layers |  | 20 |  | 1 |",
    ]);
  });
});

it("a percentile is a sample that so many are at most", () => {
  const samples = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect([percentileOf(samples, 0.5), percentileOf(samples, 0.95), percentileOf([7], 0.95)]).toEqual([
    50, 95, 7,
  ]);
});

describe("the log of the workers", () => {
  const line = (event: string) =>
    JSON.stringify({ time: "2026-11-28T08:00:00.250Z", level: "info", event, worker: "w0" });

  it("gives events as they come, those from a place on, and passes other lines on", async () => {
    const log = new WorkerLog();
    const others: string[] = [];
    const script = `console.log('${line("ready")}\\nnot JSON'); process.stdin.once("data", () => { console.log('${line("ended")}'); process.stdin.destroy(); })`;
    const child = spawn(process.execPath, ["-e", script], { stdio: ["pipe", "pipe", "inherit"] });
    log.read(child, (other) => void others.push(other));
    const { signal } = new AbortController();
    const ready = await log.next(({ event }) => event === "ready", { signal });
    expect(ready).toMatchObject({ worker: "w0", at: Date.parse("2026-11-28T08:00:00.250Z") });
    const next = log.next(() => true, { start: 1, signal });
    child.stdin.write("\n");
    expect((await next).event).toBe("ended");
    expect(others).toEqual(["not JSON"]);
  });

  it("does not wait for ever", async () => {
    const next = new WorkerLog().next(() => true, { signal: AbortSignal.abort(new Error("late")) });
    await expect(next).rejects.toThrow("did not come");
  });
});
