/** The ids of the processes that ran when the guest was ready. What its login shell prints besides is ignored. */
export function processesIn(baseline: string): string {
  return /^processes: (.*)$/m.exec(baseline)?.[1] ?? "";
}

/** The `/proc/PID/maps` of those that run a program. */
export function programsIn(baseline: string): string {
  return /^programs:(.*)$/m.exec(baseline)?.[1] ?? "";
}
