import { MemoryStore } from "@ob/core/testing";
import { type Emit, isObError, ObError } from "@ob/core";
import { describe, expect, test } from "vitest";
import { bench, gate, request, transcript, until } from "../builds.test.helper.ts";

const nested = (name: string, more = "") =>
  `(build ${name} (${more}(from base) (run (shell "${name} 1")) (run (shell "${name} 2"))))`;
const two = `(${nested("a")} ${nested("b")} (from base) (run (shell main)))`;
const copying = `(${nested("a")} ${nested("b")} (from base) (run (shell main)) (copy (from (build a)) (src /x) (dst /y)))`;

describe("with several jobs", () => {
  test("independent builds run in parallel", async () => {
    const door = gate();
    await using setting = bench({ run: () => door.opened });
    const building = setting.builder.build(request(two), { jobs: 3 });
    await until(() => setting.sandbox.running === 3);
    expect(setting.sandbox.commands.toSorted()).toEqual(["a 1", "b 1", "main"]);
    door.open();
    await building;
    expect(setting.sandbox.commands).toHaveLength(5);
  });

  test("no more builds run than there are jobs, and a begun build continues before another begins", async () => {
    let most = 0;
    await using setting = bench({ run: () => void (most = Math.max(most, setting.sandbox.running)) });
    const one = `(${["a", "b", "c", "d"].map((name) => nested(name)).join(" ")} (from base))`;
    await setting.builder.build(request(one), { jobs: 2 });
    expect(most).toBe(2);
    const { commands } = setting.sandbox;
    expect(commands.toSorted()).toEqual(["a 1", "a 2", "b 1", "b 2", "c 1", "c 2", "d 1", "d 2"]);
    expect(Math.max(commands.indexOf("a 2"), commands.indexOf("b 2"))).toBeLessThan(commands.indexOf("d 1"));
  });

  test("a build waits for the one that it copies from, and not for others", async () => {
    const doors = { a: gate(), b: gate() };
    await using setting = bench({
      run: async ({ task: { command } }) => {
        if (command === "a 1") await doors.a.opened;
        if (command === "b 1") await doors.b.opened;
      },
    });
    const building = setting.builder.build(request(copying), { jobs: 3 });
    await until(() => setting.sandbox.commands.includes("main") && setting.sandbox.running === 2);
    expect(setting.sandbox.steps.some(({ task }) => task.kind === "copy")).toBe(false);
    doors.a.open();
    await until(() => setting.sandbox.steps.some(({ task }) => task.kind === "copy"));
    expect(setting.sandbox.commands).not.toContain("b 2");
    doors.b.open();
    await building;
    expect(setting.sandbox.commands).toContain("b 2");
  });

  test("one job is enough where builds copy from each other and share steps", async () => {
    const shared = "(run (shell shared))";
    const text = `((build a ((from base) ${shared} (run (shell a))))
      (build b ((from base) ${shared} (copy (from (build a)) (src /x) (dst /y))))
      (from base) ${shared} (copy (from (build b)) (src /x) (dst /y)))`;
    const ids = new Set<string>();
    for (const jobs of [1, 2, 3]) {
      await using setting = bench({ ephemeralGuest: { readArchive: emptyArchive } });
      ids.add(await setting.builder.build(request(text), { jobs }));
      const outcomes = setting.events.flatMap((event) =>
        event.type === "step-finished" ? event.outcome : [],
      );
      expect(outcomes.filter((outcome) => outcome === "saved")).toHaveLength(5);
      expect(setting.sandbox.commands.toSorted()).toEqual(["a", "shared"]);
    }
    expect(ids.size).toBe(1);
  });

  test("the ids and layers are those of a sequential build", async () => {
    const ids = await Promise.all(
      [1, 2, 8].map(async (jobs) => {
        await using setting = bench({ ephemeralGuest: { readArchive: emptyArchive } });
        const last = await setting.builder.build(request(copying), { jobs });
        return [last, ...[...setting.store.list()].map(({ id }) => id).toSorted()];
      }),
    );
    expect(ids[1]).toEqual(ids[0]);
    expect(ids[2]).toEqual(ids[0]);
  });
});

describe("events in order", () => {
  test("give the transcript of a sequential build", async () => {
    const deep = `(${nested("a", `${nested("in")} `)} ${nested("b")} (from base) (env K V) (run (shell main)))`;
    const shown: string[] = [];
    for (const jobs of [1, 4]) {
      let left = 7;
      await using setting = bench({
        // The later a step begins, the sooner it ends.
        run: async ({ task, output }) => {
          output(`${task.command}\n`);
          for (let turns = 20 * left--; turns > 0; turns--) await new Promise(setImmediate);
        },
      });
      await setting.builder.build(request(deep), { jobs, ordered: true });
      shown.push(transcript(setting.events).replaceAll(/---> (saved|cached)/g, "--->"));
    }
    expect(shown[1]).toBe(shown[0]);
  });

  test("are told when they happen to whoever asks for that, each step saved once", async () => {
    const doors = { a: gate() };
    await using setting = bench({
      run: async ({ task: { command } }) => {
        if (command === "a 1") await doors.a.opened;
      },
    });
    const told: string[] = [];
    const onEvent: Emit = (event) => {
      if (event.type === "step-finished") told.push(`${event.step.build.join()} ${event.outcome}`);
    };
    const building = setting.builder.build(request(two), { jobs: 3, ordered: true, onEvent });
    await until(() => told.filter((text) => text === "b saved").length >= 2);
    expect(transcript(setting.events)).not.toContain("b 1");
    doors.a.open();
    await building;
    const shown = setting.events.flatMap((event) =>
      event.type === "step-finished" ? [`${event.step.build.join()} ${event.outcome}`] : [],
    );
    expect(told.toSorted()).toEqual(shown.toSorted());
    expect(told).not.toEqual(shown);
  });

  test("are emitted at once if they are in order, the others in their turn", async () => {
    const doors = { a: gate(), b: gate() };
    await using setting = bench({
      run: async ({ task: { command }, output }) => {
        output(`${command}\n`);
        if (command === "a 2") await doors.a.opened;
        if (command === "b 2") await doors.b.opened;
      },
    });
    const building = setting.builder.build(request(two), { jobs: 3, ordered: true });
    await until(() => setting.sandbox.commands.length === 5);
    expect(transcript(setting.events)).toContain("a 2\n");
    expect(transcript(setting.events)).not.toContain("b 1\n");
    doors.a.open();
    await until(() => transcript(setting.events).includes("b 2\n"));
    expect(transcript(setting.events)).not.toContain("main\n");
    doors.b.open();
    await building;
    expect(transcript(setting.events)).toMatch(/main\n---> saved\n$/);
  });

  test("end with those of the build that failed", async () => {
    await using setting = bench({
      run: async ({ task: { command }, output, signal }) => {
        output(`${command}\n`);
        if (command === "b 1") return 3;
        await new Promise((resolve) => {
          signal.addEventListener("abort", resolve, { once: true });
        });
        return 0;
      },
    });
    const building = setting.builder.build(request(two), { jobs: 3, ordered: true });
    await expect(building).rejects.toMatchObject({ code: "STEP_FAILED", exitCode: 3 });
    expect(transcript(setting.events)).toMatch(
      /a 1\n---> cancelled\n[^]*main\n---> cancelled\n[^]*b 1\n---> failed\n$/,
    );
  });
});

describe("a failure", () => {
  test("cancels all other builds, and is the error of the build", async () => {
    await using setting = bench({
      run: ({ task: { command } }) => (command === "b 1" ? 7 : new Promise<void>(() => undefined)),
    });
    const building = setting.builder.build(request(two), { jobs: 3 });
    await expect(building).rejects.toMatchObject({ code: "STEP_FAILED", exitCode: 7 });
    expect([setting.sandbox.running, setting.store.openWriters]).toEqual([0, 0]);
    expect(setting.sandbox.commands).not.toContain("b 2");
  });

  test("fails the build even if nothing copies from it and all else is done", async () => {
    const door = gate();
    await using setting = bench({
      run: async ({ task: { command } }) => {
        if (command !== "b 1") return 0;
        await door.opened;
        return 9;
      },
    });
    const building = setting.builder.build(request(two), { jobs: 3 });
    building.catch(() => undefined);
    await until(() => setting.sandbox.commands.length === 4 && setting.sandbox.running === 1);
    door.open();
    await expect(building).rejects.toMatchObject({ exitCode: 9 });
  });

  test("a cancel ends everything", async () => {
    const controller = new AbortController();
    await using setting = bench({ run: () => new Promise<void>(() => undefined) });
    const building = setting.builder.build(request(two), { jobs: 2, signal: controller.signal });
    building.catch(() => undefined);
    await until(() => setting.sandbox.running === 2);
    controller.abort();
    await expect(building).rejects.toMatchObject({ code: "CANCELLED" });
    expect([setting.sandbox.running, setting.store.openWriters]).toEqual([0, 0]);
  });

  test("wherever a port fails: everything is released, and that error is thrown", async () => {
    let places = 0;
    for (let chosen = 0, failed: string | undefined = ""; failed !== undefined; chosen++) {
      let passed = 0;
      failed = undefined;
      const before = (operation: string, subject: string) => {
        if (passed++ !== chosen) return;
        failed = `broken at ${operation} ${subject}`;
        throw new ObError("STORE", failed);
      };
      const store = new MemoryStore({ images: ["base"], before });
      await using setting = bench({ store, ephemeralGuest: { readArchive: emptyArchive } });
      const end = await setting.builder.build(request(copying), { jobs: 2 }).then(
        () => undefined,
        (error: unknown) => (isObError(error) ? error.message : error),
      );
      places = chosen;
      expect(end).toBe(failed);
      expect([setting.sandbox.running, store.openWriters, store.openScratchDisks]).toEqual([0, 0, 0]);
    }
    expect(places).toBeGreaterThan(30);
  });
});

async function* emptyArchive() {
  yield Buffer.alloc(1024);
}
