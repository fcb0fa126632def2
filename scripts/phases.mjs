// Shows the phases of a long work: a line for each when it ends, and on a terminal one for the phase that runs now.

/** @param {import("node:tty").WriteStream} out */
export function phases(out) {
  let timer;
  const seconds = (since) => `${Math.round((performance.now() - since) / 1000)} s`.padStart(6);
  const stopClock = () => {
    clearInterval(timer);
    if (out.isTTY) out.write("\r\x1b[K");
  };
  return {
    show(event) {
      if (event.type === "phase-started") {
        if (!out.isTTY) return;
        const since = performance.now();
        const tick = () => out.write(`\r\x1b[K${seconds(since)}  ${event.phase} …`);
        tick();
        timer = setInterval(tick, 1_000);
      } else if (event.type === "phase-finished") {
        stopClock();
        out.write(`${`${Math.round(event.milliseconds / 1000)} s`.padStart(6)}  ${event.phase}\n`);
      }
    },
    end: stopClock,
  };
}
