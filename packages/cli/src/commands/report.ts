import { stringOption, storeOptions, acceptedButHidden } from "../args/options.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import { writeWhole, checkWritable } from "../metadata/write-whole.ts";
import { findBuild } from "../records/find-build.ts";
import type { Command } from "./command.ts";

export const report: Command = {
  description:
    "Writes a page about a build: its steps on a time line, which were cached, how the VMs of the others came to run, where their time " +
    "went, what they take on the disk, and their logs. It is one HTML file, which loads nothing. Without BUILD it is about the last build.",
  positionals: [
    { name: "BUILD", describe: "The build: its id, or a prefix that no other has", complete: "build" },
  ],
  options: {
    ...storeOptions,
    o: {
      kind: "value",
      value: "FILE",
      describe: "Where to write to; - is standard output (default)",
      group: "Output:",
    },
    ...acceptedButHidden(sandboxOptions),
  },
  examples: [
    ["obuilder report --store=qemu:/var/cache/obuilder -o build.html", "the last build"],
    ["obuilder report ... 5f0c21 > build.html", "an older one; `obuilder builds ls` shows them"],
  ],

  async run(args, { services, io, location }) {
    const given = stringOption(args, "o");
    const file = given === "-" ? undefined : given;
    if (file !== undefined) await checkWritable(file, `The file ${file} of -o`);
    await using store = await services.openStore({ location });
    const record = findBuild(store.builds.list(), stringOption(args, "BUILD"));
    const { reportPage } = await import("../report/report-page.ts");
    const page = await reportPage(record, { store, signal: io.signal });
    if (file === undefined) return void io.stdout.write(page);
    io.restoreUmask?.();
    await writeWhole(file, page);
  },
};
