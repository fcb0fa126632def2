import { type Emit, ObError } from "@ob/core";
import { describe, expect, it } from "vitest";
import { Screen, idOf, stepOf } from "../testing/terminal.ts";
import { createJsonProgress } from "./json.ts";
import type { Progress } from "./progress.ts";

const base = stepOf(idOf("b"), "(from debian-12)");
const run = stepOf(idOf("c"), "/: (run (shell make))", base.id);

function play(script: (emit: Emit, progress: Progress) => void) {
  const stdout = new Screen();
  const stderr = new Screen();
  let clock = 0;
  using progress = createJsonProgress({
    stdout,
    stderr,
    verbosity: "info",
    steps: 2,
    now: () => (clock += 250),
  });
  script(progress.emit, progress);
  const lines = stdout.text.trimEnd().split("\n");
  return { lines, objects: lines.map((line): Record<string, unknown> => JSON.parse(line)), stderr };
}

describe("JSON progress", () => {
  it("has no character that could drive a terminal", () => {
    const text = "a\x1b[2J\x9b\u202eb";
    const { lines, objects } = play((emit) =>
      emit({ type: "step-output", step: run, bytes: Buffer.from(text) }),
    );
    expect(lines.join("")).toMatch(/^[ -~]*$/);
    expect(objects).toContainEqual({ type: "step-output", id: run.id, text });
  });

  it("prints one object per line, the result last", () => {
    const { lines, stderr } = play((emit, progress) => {
      emit({ type: "step-started", step: base });
      emit({ type: "step-finished", step: base, outcome: "cached", milliseconds: 1.4 });
      emit({ type: "note", text: "/: (workdir /src)" });
      emit({ type: "step-started", step: run });
      emit({ type: "phase", layer: run.id, phase: "boot" });
      emit({ type: "exec", argv: ["qemu-img", "info"] });
      emit({ type: "step-output", step: run, bytes: Buffer.from("a\nb") });
      emit({ type: "step-finished", step: run, outcome: "saved", milliseconds: 12_000 });
      progress.succeeded(run.id);
    });
    expect(lines.join("\n").replaceAll(/([bc])\1{63}/g, "$1…")).toMatchInlineSnapshot(`
      "{"type":"build-started","steps":2}
      {"type":"step-started","id":"b…","op":"from","base":null,"heading":"(from debian-12)","build":[],"location":null}
      {"type":"step-finished","id":"b…","outcome":"cached","milliseconds":1}
      {"type":"note","text":"/: (workdir /src)","build":[]}
      {"type":"step-started","id":"c…","op":"run","base":"b…","heading":"/: (run (shell make))","build":[],"location":null}
      {"type":"phase","id":"c…","phase":"boot"}
      {"type":"step-output","id":"c…","text":"a\\nb"}
      {"type":"step-finished","id":"c…","outcome":"saved","milliseconds":12000}
      {"type":"result","outcome":"succeeded","id":"c…","saved":1,"cached":1,"milliseconds":250}"
    `);
    expect(stderr.text).toBe('obuilder: [INFO] Exec "qemu-img" "info"\n');
  });

  it("joins characters that come in pieces", () => {
    const euro = Buffer.from("€");
    const { objects } = play((emit) => {
      emit({ type: "step-started", step: run });
      emit({ type: "step-output", step: run, bytes: euro.subarray(0, 2) });
      emit({ type: "step-output", step: run, bytes: euro.subarray(2) });
      emit({ type: "step-output", step: run, bytes: euro.subarray(0, 1) });
      emit({ type: "step-finished", step: run, outcome: "failed", milliseconds: 1 });
    });
    const texts = objects.filter(({ type }) => type === "step-output").map(({ text }) => text);
    expect(texts).toEqual(["€", "\uFFFD"]);
  });

  it("ends with the error of a build that failed or was cancelled", () => {
    const failed = play((_, progress) =>
      progress.failed({
        error: new ObError("BASE_IMAGE", "There is none.", { hint: "Make one." }),
        exitCode: 4,
      }),
    );
    expect(failed.objects.at(-1)).toEqual({
      type: "result",
      outcome: "failed",
      code: "BASE_IMAGE",
      message: "There is none.",
      hint: "Make one.",
      exitCode: 4,
      location: null,
      step: null,
      saved: 0,
      cached: 0,
      milliseconds: 250,
    });
    const cancelled = play((_, progress) =>
      progress.failed({ error: new ObError("CANCELLED", "Cancelled."), exitCode: 130 }),
    );
    expect(cancelled.objects.at(-1)).toMatchObject({ outcome: "cancelled", exitCode: 130, hint: null });
    const bug = play((_, progress) => progress.failed({ error: new TypeError("oops"), exitCode: 4 }));
    expect(bug.objects.at(-1)).toMatchObject({ outcome: "failed", code: "INTERNAL", message: "oops" });
  });
});
