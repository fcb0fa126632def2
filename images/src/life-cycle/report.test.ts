import { expect, it } from "vitest";
import { reportAsMarkdown } from "./markdown.ts";
import type { LifeCycleReport } from "./report.ts";
import { Recorder } from "./recorder.ts";
import { codeSpan, fenced, redactor, safeText } from "./safe-text.ts";
import { readFacts } from "./survey.ts";

const report: LifeCycleReport = {
  ...{ version: 1, passed: false, made: "2026-01-01T00:00:00.000Z", milliseconds: 61_000 },
  host: {
    ...{ obuilder: "0.1.0", qemu: "9.2.0", accelerator: "kvm" },
    ...{ system: "Linux 6.1", arch: "x64", cpus: 2, memoryMib: 4096 },
  },
  image: {
    name: "mine",
    manifest: { version: 2, guestOs: "linux", guestArch: "amd64", loginUser: "opam" },
    ...{ hasManifest: true, virtualSize: 10 * 2 ** 30 },
  },
  guest: { system: "Linux 6", release: "Debian | @me <img>", shell: "/bin/sh", hasNobody: true, tools: [] },
  cases: [
    { name: "boots", outcome: "passed", milliseconds: 5000 },
    { name: "runs", outcome: "failed", reason: "It failed.", output: "````\n# not a heading" },
    { name: "resumes", outcome: "skipped", reason: "It cannot." },
  ],
  timings: [{ what: "boot", count: 2, median: 1000, longest: 2000 }],
  starts: { booted: 2, resumed: 0, reused: 3, reasons: ["a reason"] },
  warnings: [],
};

it("is Markdown with the versions, each case, the times and the manifest", () => {
  const text = reportAsMarkdown(report);
  expect(text).toContain("# Life cycle of `mine`: FAILED");
  expect(text).toContain("1 passed, 1 failed, 0 warnings, 1 skipped, in 61.0 s.");
  for (const row of [
    "| QEMU | `9.2.0` |",
    "| accelerator | `kvm` |",
    "| virtual size | 10.0 GiB |",
    "| boots | passed | 5.0 s |",
    "| runs | **failed** |  |",
    "| resumes | skipped: `It cannot.` |  |",
    "| boot | 2 | 1.0 s | 2.0 s |",
  ]) {
    expect(text.split("\n")).toContain(row);
  }
  expect(text).toContain('"guestOs": "linux"');
});

it("has what a guest says in code only, which it cannot end", () => {
  const text = reportAsMarkdown(report);
  expect(text).toContain("| guest's release | `Debian \\| @me <img>` |");
  expect(text).toContain("`````text\nIt failed.\n\n````\n# not a heading\n`````");
  expect(fenced("a ``` b")).toBe("````text\na ``` b\n````");
  expect(codeSpan("a`b\n|c")).toBe("`a'b \\|c`");
});

it("shows what could drive a terminal as an escape, and names no directory of the host", () => {
  expect(safeText("\u001B[31mred\u001B[0m \u0007\u202E\r\nnext\tline")).toBe(
    String.raw`red \u{7}\u{202e}` + "\nnext\tline",
  );
  const redact = redactor(["/home/me", "/home/me/store", ""]);
  expect(redact("/home/me/store/x and /home/me/y")).toBe("…/x and …/y");
});

it("has the facts that the guest's survey has printed", () => {
  const text = `system=Linux 6 x86_64\r\nrelease=${"x".repeat(300)}\nnobody=yes\ntool=nc\ntool=bash\nother=1\n`;
  expect(readFacts(text)).toEqual({
    ...{ system: "Linux 6 x86_64", release: "x".repeat(200), shell: "", hasNobody: true },
    tools: ["nc", "bash"],
  });
});

it("counts how machines were started, how long each took, and why one was not reused", () => {
  const recorder = new Recorder();
  const emit = recorder.listen(() => undefined);
  const log = (text: string) => emit({ type: "log", level: "info", text });
  log("booted, SSH login after 4000 ms");
  log("booted, SSH login after 6000 ms");
  log("resumed from snapshot (ready), SSH login after 900 ms");
  log("Reusing the VM of the previous step.");
  log("VM will not be reused: the step had secrets.");
  log("VM will not be reused: the step had secrets.");
  emit({ type: "log", level: "warning", text: "beware" });
  expect(recorder.starts).toEqual({
    ...{ booted: 2, resumed: 1, reused: 1 },
    reasons: ["VM will not be reused: the step had secrets."],
  });
  expect(recorder.timings).toContainEqual({
    ...{ what: "boot, to the login", count: 2, median: 4000, longest: 6000 },
  });
  expect(recorder.warnings).toEqual(["beware"]);
});
