import { readFile, writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import path from "node:path";

const readme = path.join(import.meta.dirname, "../README.md");

/** When, how and where something was measured, as a list in Markdown. @param more about the machine. */
export function whereMeasured(command: string, more = ""): string {
  const [load = 0] = loadavg();
  return [
    `- date: ${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`,
    `- command: ${command}`,
    `- machine: ${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}${more}, load at the end ${load.toFixed(0)}`,
  ].join("\n");
}

/** Writes results between the markers of that name in bench/README.md. */
export async function keepResults(name: string, text: string): Promise<void> {
  const marks = new RegExp(`(<!-- ${name} -->\\n)[^]*(<!-- end of ${name} -->)`);
  const before = await readFile(readme, "utf8");
  await writeFile(
    readme,
    before.replace(marks, (_, begin: string, end: string) => `${begin}\n${text}\n\n${end}`),
  );
}
