// Preloaded into a command by NODE_OPTIONS: writes its process id to the file of OB_TEST_EVENT_LOOP, and when the process ends
// the longest stall of its event loop since SIGUSR2, in milliseconds.
import { writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

const file = process.env.OB_TEST_EVENT_LOOP;
const delay = monitorEventLoopDelay({ resolution: 10 });
delay.enable();
writeFileSync(`${file}.pid`, String(process.pid));
process.on("SIGUSR2", () => delay.reset());
process.on("exit", () => writeFileSync(file, String(delay.max / 1e6)));
