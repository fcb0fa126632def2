/** The ids of the processes that ran when the guest was ready. Other output of the login shell is ignored. */
export function processesIn(bootInfo: string): string {
  return /^processes: (.*)$/m.exec(bootInfo)?.[1] ?? "";
}

/** The paths `/proc/PID/maps` of those processes that run a program (kernel threads do not). */
export function programsIn(bootInfo: string): string {
  return /^programs:(.*)$/m.exec(bootInfo)?.[1] ?? "";
}

/** How often the service managers had run, as `PID:TIMES` with blanks between them; undefined if it is not known. */
export function turnsIn(output: string): string | undefined {
  const [turns, ...others] = output.split("\n").filter((line) => line.startsWith("turns: "));
  const counted = /^turns: (\d+:\d+(?: \d+:\d+)*)$/.exec(turns ?? "")?.[1];
  return others.length === 0 ? counted : undefined;
}
