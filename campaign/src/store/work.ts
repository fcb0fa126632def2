// A process that works on a store: `work.ts DIRECTORY build | delete ID | prune | tag NAME ID | untag NAME`, and what the command line
// does: `command`, a build with outputs, `import SOURCES N` and `pull SOURCES N` of an image; and `snapshot`. It prints `saved ID` for
// each layer that a build says it has saved, `gone ID` for each that was deleted, `tagged NAME`, `written NAME` for an output, and
// `imported N`. The campaigns kill it, and let its calls fail.
import { writeSync } from "node:fs";
import { workOn } from "./work-on.ts";

process.exitCode = await workOn(process.argv.slice(2), (line) => void writeSync(1, `${line}\n`));
