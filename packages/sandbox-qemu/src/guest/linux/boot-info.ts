/** The ids of the processes that ran when the guest was ready. Other output of the login shell is ignored. */
export function processesIn(bootInfo: string): string {
  return /^processes: (.*)$/m.exec(bootInfo)?.[1] ?? "";
}

/** The paths `/proc/PID/maps` of those processes that run a program (kernel threads do not). */
export function programsIn(bootInfo: string): string {
  return /^programs:(.*)$/m.exec(bootInfo)?.[1] ?? "";
}
