import { resolve } from "node:path";
import type { BuildRecord } from "@ob/core";
import type { OptionTable } from "../args/flags.ts";
import { type Arguments, stringOption } from "../args/options.ts";
import type { Session } from "../commands/session.ts";
import { checkWritable, writeWhole } from "../metadata/write-whole.ts";
import { BuildRecorder } from "./build-recorder.ts";

export const reportOptions: OptionTable = {
  report: {
    kind: "value",
    value: "FILE",
    describe: "Write a page about the build to FILE, as `obuilder report` does, also if it fails",
    group: "Output:",
  },
};

/** What records a build, and writes its report. */
export interface OpenRecorder {
  readonly recorder: BuildRecorder;
  /** To be called with the record of the build, while the store is open. */
  readonly onRecord: (record: BuildRecord) => Promise<void>;
}

/** @throws ObError `USAGE` if the file of `--report` cannot be written. */
export async function openRecorder(args: Arguments, { io, emit }: Session): Promise<OpenRecorder> {
  const file = stringOption(args, "report");
  if (file !== undefined) await checkWritable(file, `The file ${file} of --report`);
  const spec = stringOption(args, "f") ?? "-";
  const context = resolve(stringOption(args, "SRC_DIR") ?? ".");
  const recorder = new BuildRecorder({ spec, context, io, emit });
  const onRecord = async (record: BuildRecord): Promise<void> => {
    const { store } = recorder;
    if (file === undefined || !store) return;
    const { reportPage } = await import("../report/report-page.ts");
    // That of a build that was cancelled is written, too.
    const page = await reportPage(record, { store, signal: new AbortController().signal });
    io.restoreUmask?.();
    await writeWhole(file, page);
  };
  return { recorder, onRecord };
}
