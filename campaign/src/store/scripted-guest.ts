import { execa } from "execa";
import { type Layer, run } from "@ob/core";
import { type FakeGuest, FakeSandbox, type FakeStep } from "@ob/core/testing";

/** The size of a pattern, and the distance between two, in bytes. */
const patternBytes = 65_536;

/** The commands of a scripted guest: `fill N` fills the N-th pattern of its disk, and `cache N` that of its first cache. */
const command = /^(fill|cache) (\d+)$/;

/** The command of qemu-io that writes a pattern. */
export function writePattern(at: number): string {
  return `write -P ${at} ${at * patternBytes} 64k`;
}

/**
 * A sandbox whose steps write to their disks with qemu-io: the store's files are real, and no machine boots.
 *
 * @param ephemeralGuest what a layer has for those who read it.
 */
export function scriptedSandbox(ephemeralGuest: FakeGuest = {}): FakeSandbox {
  return new FakeSandbox({
    ephemeralGuest,
    run: async ({ task, disk, output }: FakeStep) => {
      if (task.kind !== "run") return;
      const [, kind = "", text = ""] = command.exec(task.command) ?? [];
      const target = kind === "cache" ? task.caches[0]?.disk : disk;
      if (target === undefined) throw new Error(`not a command of the scripted guest: ${task.command}`);
      const at = Number(text);
      await run(["qemu-io", "-f", "qcow2", "-c", writePattern(at), target]);
      output(`filled ${text}\n`);
    },
  });
}

/**
 * The patterns that a layer's disk lacks.
 *
 * @throws Error if the disk cannot be read.
 */
export async function missingPatterns(layer: Layer, patterns: readonly number[]): Promise<readonly number[]> {
  if (patterns.length === 0) return [];
  const reads = patterns.flatMap((at) => ["-c", `read -P ${at} ${at * patternBytes} ${patternBytes}`]);
  // It also fails where a pattern is another one.
  const { all, timedOut } = await execa("qemu-io", ["-r", "-f", "qcow2", ...reads, layer.disk], {
    all: true,
    reject: false,
    timeout: 60_000,
  });
  const answers = all.match(/^read \d+\/\d+ bytes/gm)?.length ?? 0;
  if (timedOut || answers !== patterns.length)
    throw new Error(`qemu-io could not read ${layer.disk}: ${all}`);
  const failed = [...all.matchAll(/verification failed at offset (\d+)/g)].map(([, offset]) =>
    Number(offset),
  );
  return patterns.filter((at) => failed.includes(at * patternBytes));
}
