import { readdir, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

const pollMs = 50;

/**
 * The processes whose command line or environment names a directory: what they have started has it, too.
 *
 * @param patience how long they are waited for, in milliseconds.
 */
export async function processesOn(
  directory: string,
  { patience }: { patience: number },
): Promise<readonly string[]> {
  for (let waited = 0; ; waited += pollMs) {
    const found = await look(directory);
    if (found.length === 0 || waited >= patience) return found;
    await delay(pollMs);
  }
}

async function look(directory: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const [words, environment] = await Promise.all(
      ["cmdline", "environ"].map(
        async (file) => await readFile(`/proc/${pid}/${file}`, "utf8").catch(() => ""),
      ),
    );
    // A process that has ended and that nobody has asked for has neither.
    if (`${words}${environment}`.includes(directory)) found.push(`${words}`.replaceAll("\0", " ").trim());
  }
  return found;
}
