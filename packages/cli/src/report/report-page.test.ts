import { createHash } from "node:crypto";
import type { BuildRecord, LayerId, StepRecord } from "@ob/core";
import { MemoryStore } from "@ob/core/testing";
import { expect, it } from "vitest";
import { idOf } from "../testing/terminal.ts";
import { reportPage } from "./report-page.ts";

const hostile = `</pre><script>alert(1)</script><img src="http://x/" onerror='x'>&amp;\u001b[31mred\u001b[0m\u202e\u0007`;

function step(id: LayerId, more: Partial<StepRecord> = {}): StepRecord {
  return {
    ...{ id, op: "run", heading: "/: (run (shell make))", build: [], start: 0, milliseconds: 1_000 },
    ...{ outcome: "saved", phases: [] },
    ...more,
  };
}

function record(steps: readonly StepRecord[], more: Partial<BuildRecord> = {}): BuildRecord {
  const started = new Date(Date.UTC(2026, 10, 28, 8));
  return {
    ...{ id: "5f0c21aa00bb", spec: "a.spec", context: "/src", started, outcome: "succeeded", steps },
    finished: new Date(started.getTime() + 10_000),
    ...more,
  };
}

/** A store whose layers have logs. */
async function storeOf(logs: Readonly<Record<string, string>>) {
  const store = new MemoryStore();
  for (const [digit, text] of Object.entries(logs)) {
    await using writer = await store.tryBegin(idOf(digit));
    writer?.appendLog(Buffer.from(text));
  }
  return store;
}

const pageOf = async (build: BuildRecord, logs: Readonly<Record<string, string>> = {}) =>
  await reportPage(build, { store: await storeOf(logs), signal: new AbortController().signal });

/** The names of a page's elements. */
const elementsOf = (page: string) => new Set([...page.matchAll(/<([a-z]\w*)/g)].map(([, name]) => name));

it("has text that is hostile as text", async () => {
  const steps = [step(idOf("a"), { heading: hostile, build: [hostile], outcome: "failed" })];
  const plain = await pageOf(record([step(idOf("a"), { build: ["x"], outcome: "failed" })]), { a: "x\n" });
  const page = await pageOf(record(steps, { spec: hostile, context: hostile, errorCode: hostile }), {
    a: hostile,
  });
  expect(elementsOf(page)).toEqual(elementsOf(plain));
  expect(page).toContain(
    "&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=&quot;http://x/&quot; onerror=&#39;x&#39;&gt;&amp;amp;red",
  );
  // oxlint-disable-next-line no-control-regex -- none of them is text.
  expect(page).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]/);
});

it("loads nothing, and its policy allows only its own style", async () => {
  const page = await pageOf(record([step(idOf("a"))]), { a: "x" });
  const [, style = ""] = /<style>(.*)<\/style>/s.exec(page) ?? [];
  const hash = createHash("sha256").update(style).digest("base64");
  expect(page).toContain(`content="default-src &#39;none&#39;; style-src &#39;sha256-${hash}&#39;; `);
  expect(style).toContain("prefers-color-scheme: dark");
  expect(page).not.toMatch(/<(?:script|link|img|iframe)|url\(|@import|\sstyle=|\son\w+=|https?:/);
});

it("shows the stages on one time line, with where each step came from and its phases", async () => {
  const steps = [
    step(idOf("b"), {
      op: "from",
      heading: "(from debian)",
      outcome: "cached",
      milliseconds: 2,
      build: ["tools"],
    }),
    step(idOf("c"), {
      ...{ build: ["tools"], start: 1_000, milliseconds: 5_000, vmStart: "resume", bytes: 2_097_152 },
      phases: [
        { phase: "boot", start: 0, milliseconds: 1_000 },
        { phase: "run", start: 1_000, milliseconds: 4_000 },
      ],
    }),
    step(idOf("d"), {
      build: ["tools"],
      start: 6_000,
      milliseconds: 1_000,
      vmStart: "reuse",
      bytes: 1_048_576,
    }),
    step(idOf("e"), { start: 7_000, milliseconds: 3_000, vmStart: "boot", outcome: "failed" }),
  ];
  const page = await pageOf(record(steps, { outcome: "failed", errorCode: "STEP_FAILED" }), {
    e: "one\ntwo\n",
  });
  const headings = [...page.matchAll(/<h3>(.*)<\/h3>/g)].map(([, text]) => text);
  expect(headings).toEqual(["Build tools", "Main build"]);
  const marks = [...page.matchAll(/<span class="mark">(.*?)<\/span>/g)].map(([, text]) => text);
  expect(marks).toEqual(["cached", "VM resumed", "VM reused", "VM booted"]);
  expect(page).toContain('<rect class="phase boot" x="10%" y="2" width="10%"');
  expect(page).toContain('<rect class="phase run" x="20%" y="2" width="40%"');
  expect(page).toContain('aria-label="from 7.0s to 10.0s"');
  expect(page).toMatch(/<b>run<\/b> 4\.0s.*\n.*<b>boot<\/b> 1\.0s/);
  expect(page).toContain("<dt>New layers</dt><dd>3.0 MiB</dd>");
  expect(page).toContain("<dt>Steps</dt><dd>2 built, 1 cached, 1 failed</dd>");
  const labels = [...page.matchAll(/<text [^>]*>(.*?)<\/text>/g)].map(([, text]) => text);
  const axis = Array.from({ length: 11 }, (_, second) => (second === 0 ? "0" : `${second}s`));
  expect(labels).toEqual([...axis, ...axis]);
  // What has failed is open, with its log.
  expect(page).toContain('<li class="failed"><details open>');
  expect(page).toContain("<summary>Its log, 2 lines</summary>");
  expect(page.match(/<details[^>]* open>/g)).toHaveLength(2);
});

it("has the end of a long log, and does not grow without bounds", async () => {
  const digits = Array.from("0123456789abcdef");
  const store = new MemoryStore();
  const steps: StepRecord[] = [];
  for (const [index, text] of digits.entries()) {
    const id = idOf(text);
    steps.push(step(id, { start: index }));
    await using writer = await store.tryBegin(id);
    writer?.appendLog(Buffer.from(`${"<".repeat(99)}\n`.repeat(10_000)));
    writer?.appendLog(Buffer.from("the last line"));
  }
  const page = await reportPage(record(steps), { store, signal: new AbortController().signal });
  expect(page.match(/The end of its log/g)).toHaveLength(digits.length * 2);
  expect(page.match(/the last line\n<\/pre>/g)).toHaveLength(digits.length);
  expect(page.length).toBeLessThan(digits.length * 4 * 270_000);
});

it("is right for a build without steps, and for one that took no time", async () => {
  expect(await pageOf(record([]))).toContain("No step of this build ran a VM.");
  const started = new Date(0);
  const page = await pageOf(record([step(idOf("a"), { milliseconds: 0 })], { started, finished: started }));
  expect(page).not.toContain("NaN");
  expect(page).not.toContain("Infinity");
});
