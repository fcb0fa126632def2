// Preloaded into a command by NODE_OPTIONS. It writes to the file of OB_TEST_EVENT_LOOP, with ".pid" its process id, and when the
// process ends as JSON: the longest stall of its event loop that was its own doing, since SIGUSR2, and how long it took from
// SIGINT to its end by its own clock, in milliseconds.
import { writeFileSync } from "node:fs";
import { threadClock, watchStalls } from "../../packages/core/src/testing/thread-clock.ts";

const file = process.env.OB_TEST_EVENT_LOOP;
const [stalls, clock] = [watchStalls(), threadClock()];
let interrupted = clock.now();
writeFileSync(`${file}.pid`, String(process.pid));
process.on("SIGUSR2", () => stalls.reset());
process.on("SIGINT", () => {
  interrupted = clock.now();
});
process.on("exit", () => {
  writeFileSync(file, JSON.stringify({ stall: stalls.longest(), end: clock.now() - interrupted }));
});
