// A worker as a process of its own, for the tests that kill it. Its argument is a TestWorkerOptions.
import { argv, stdin, stdout } from "node:process";
import { startTestWorker, type TestWorkerOptions } from "./test-worker.test.helper.ts";

const options = JSON.parse(argv[2] ?? "{}") as TestWorkerOptions;
const { worker } = await startTestWorker(options);
stdout.write("ready\n");
stdin.once("data", () => {
  void (async () => {
    await worker.drain();
    await worker[Symbol.asyncDispose]();
    stdout.write("drained\n");
    stdin.destroy();
  })();
});
