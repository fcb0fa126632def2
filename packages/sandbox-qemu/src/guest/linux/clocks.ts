/** The clocks of a guest; undefined are those that it has not shown. */
export interface Clocks {
  /** The offset of the system's clock from the time since the boot, in seconds. */
  readonly clock: number | undefined;
  /** How far the machine's clock is ahead of the system's, in seconds. */
  readonly hardwareClock: number | undefined;
}

const clockLine = /^(clock|hardware clock): (-?\d{1,15})$/;

/** True for a line that shows a clock as it should. */
export function isClockLine(line: string): boolean {
  return clockLine.test(line);
}

/** The clocks in a command's output. Of several none is right: a file's name may have a line that looks like one. */
export function parseClocks(output: string): Clocks {
  const lines = output.split("\n").filter((line) => /^(?:hardware )?clock: /.test(line));
  const only = (name: string): number | undefined => {
    const [line, ...others] = lines.filter((each) => each.startsWith(`${name}: `));
    const offset = clockLine.exec(line ?? "")?.[2];
    return others.length === 0 && offset !== undefined ? Number(offset) : undefined;
  };
  return { clock: only("clock"), hardwareClock: only("hardware clock") };
}

/** The tolerance for a change of a clock's offset, in seconds. A greater change means that a step has set the clock. */
const tolerance = 2;

/** The clock that was set, for a log message; undefined if none was. */
export function diffClocks(before: Clocks, now: Clocks): string | undefined {
  if (!isSame(before.clock, now.clock)) return "its clock was set";
  const isKept =
    before.hardwareClock === now.hardwareClock || isSame(before.hardwareClock, now.hardwareClock);
  return isKept ? undefined : "its hardware clock was set";
}

function isSame(before: number | undefined, now: number | undefined): boolean {
  return before !== undefined && now !== undefined && Math.abs(now - before) <= tolerance;
}
