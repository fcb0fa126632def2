// The command in a process of its own, with a store in memory and a guest that prints more than a pipe holds. What the store has in the
// end goes to standard error.
import { execFileSync } from "node:child_process";
import { start } from "./start.ts";
import { fakeServices } from "./testing/run.ts";

const line = `${"x".repeat(99)}\n`;
const services = fakeServices({
  run: ({ output }) => {
    for (let count = 0; count < 100; count++) output(line.repeat(100));
  },
  ephemeralGuest: {
    readArchive: function* () {
      yield execFileSync("tar", ["-C", import.meta.dirname, "-cf", "-", "."], { maxBuffer: 2 ** 30 });
    },
  },
});
process.on("exit", () => {
  const outcomes = services.store.builds.list().map(({ outcome }) => outcome);
  process.stderr.write(`layers: ${[...services.store.list()].length}, builds: ${outcomes.join()}\n`);
});
await start({ services });
