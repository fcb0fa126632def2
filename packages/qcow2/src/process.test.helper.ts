import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { tryLock, waitForLock } from "./file-lock.ts";

/* What the second process of a test does. It prints a line when it has reached its point, and waits for a line there. */

const [command = "", path = "", second = "", third = ""] = process.argv.slice(2);

switch (command) {
  case "lock": {
    const lock = await tryLock(path, second === "shared" ? "shared" : "exclusive");
    process.stdout.write(lock ? "held\n" : "refused\n");
    await once(process.stdin, "data");
    lock?.release();
    break;
  }
  case "count-up": {
    // Increments a counter in a file that only the lock protects.
    for (let turn = 0; turn < Number(third); turn += 1) {
      const lock = await waitForLock(path, "exclusive");
      writeFileSync(second, String(Number(readFileSync(second, "utf8")) + 1));
      lock.release();
    }
    process.stdout.write("done\n");
    break;
  }
  default:
    throw new Error(`no such command: ${command}`);
}
process.exit(0);
