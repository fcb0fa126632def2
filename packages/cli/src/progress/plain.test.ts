import type { Emit } from "@ob/core";
import { createColors } from "../output/colors.ts";
import { describe, expect, it } from "vitest";
import type { Verbosity } from "../args/options.ts";
import { PacedTerminal } from "../output/paced-terminal.ts";
import { Screen, idOf, stepOf } from "../testing/terminal.ts";
import { createPlainProgress } from "./plain.ts";

const base = stepOf(idOf("b"), "(from debian-12)");
const run = stepOf(idOf("c"), "/: (run (shell make))", base.id);

interface PlayOptions {
  readonly color?: boolean;
  readonly verbosity?: Verbosity;
  readonly terminal?: boolean;
}

function play(script: (emit: Emit) => void, options: PlayOptions = {}) {
  const { color = false, verbosity = "warning", terminal: isTTY = false } = options;
  const stdout = Object.assign(new Screen(), { isTTY });
  const terminal = isTTY ? new PacedTerminal(stdout) : undefined;
  const stderr = new Screen();
  const colors = createColors(color);
  using progress = createPlainProgress({ stdout, terminal, stderr, colors, logColors: colors, verbosity });
  script(progress.emit);
  progress.succeeded(run.id);
  return { stdout, stderr };
}

function build(emit: Emit): void {
  emit({ type: "step-started", step: base });
  emit({ type: "step-finished", step: base, outcome: "cached", milliseconds: 1 });
  emit({ type: "note", text: "/: (workdir /src)" });
  emit({ type: "step-started", step: run });
  emit({ type: "exec", argv: ["qemu-img", "create", "-f", "qcow2", "a b"] });
  emit({ type: "phase", layer: run.id, phase: "boot" });
  emit({ type: "step-output", step: run, bytes: Buffer.from("cc -o hello\n") });
  emit({ type: "log", level: "warning", text: "The clock is off." });
  emit({ type: "step-finished", step: run, outcome: "saved", milliseconds: 9 });
}

describe("plain progress", () => {
  it("is the original's transcript", () => {
    const { stdout, stderr } = play(build);
    expect(stdout.text).toMatchInlineSnapshot(`
      "(from debian-12)
      ---> using "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" from cache
      /: (workdir /src)
      /: (run (shell make))
      cc -o hello
      ---> saved as "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
      Got: "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
      "
    `);
    expect(stderr.text).toBe("obuilder: [WARNING] The clock is off.\n");
  });

  it("shows with -v what is run on the host, in the original's form", () => {
    expect(play(build, { verbosity: "info" }).stderr.text).toMatchInlineSnapshot(`
      "obuilder: [INFO] Exec "qemu-img" "create" "-f" "qcow2" "a b"
      obuilder: [WARNING] The clock is off.
      "
    `);
    expect(play(build, { verbosity: "debug" }).stderr.text).toContain("[DEBUG] cccccccccccc: boot\n");
    expect(play(build, { verbosity: "quiet" }).stderr.text).toBe("");
  });

  it("leaves a step's bytes untouched, and begins its own lines at the start of one", () => {
    const bytes = Buffer.from([0xff, 0x00, 0x1b, 0x5b, 0x32, 0x4a, 0x0d, 0x41]);
    const { stdout } = play((emit) => {
      emit({ type: "step-started", step: run });
      emit({ type: "step-output", step: run, bytes });
      emit({ type: "step-finished", step: run, outcome: "saved", milliseconds: 9 });
    });
    const start = Buffer.from("/: (run (shell make))\n").length;
    expect(stdout.bytes.subarray(start, start + bytes.length)).toEqual(bytes);
    expect(stdout.bytes.subarray(start + bytes.length).toString()).toMatch(/^\n---> saved as/);
  });

  it("lets nothing of a guest drive the terminal, nor hide what comes after it", () => {
    const { stdout, stderr } = play(
      (emit) => {
        emit({ type: "step-started", step: { ...run, heading: "/: (run (shell \x1b[2J\u202e))" } });
        emit({ type: "step-output", step: run, bytes: Buffer.from("a\x1b]0;t") });
        emit({ type: "step-output", step: run, bytes: Buffer.from("itle\x07\x1b[2Jb\x1b[8m\n") });
        emit({ type: "log", level: "warning", text: "It said \x1b[2J\x9b\x07." });
        emit({ type: "step-finished", step: run, outcome: "saved", milliseconds: 9 });
      },
      { terminal: true },
    );
    expect(stdout.text).toContain("/: (run (shell \\u202e))\nab\x1b[8m\n\x1b[0m---> saved as");
    expect(stderr.text).toBe("obuilder: [WARNING] It said \\x9b\\x07.\n");
  });

  it("colours headings and notes if asked for", () => {
    const { stdout } = play(build, { color: true });
    expect(stdout.text).toContain("\x1b[94m(from debian-12)\x1b[39m\n\x1b[33m---> using");
    expect(stdout.text).toContain("\ncc -o hello\n");
  });
});
