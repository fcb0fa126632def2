import { describe } from "vitest";
import { openbsdTests } from "./simulated-openbsd.ts";
import { windowsTests } from "./simulated-windows.ts";

/** In milliseconds, for four guests one after the other, under emulation, on a machine that may be loaded. */
const timeout = 2_400_000;

/*
 * What the simulated guests have in common with the real systems, shown by OpenSSH's client in machines that are started as by the
 * original; and then what our scripts do on them, with images, caches and options as the original's documents have them. Both
 * systems at once: much of a guest's time is waiting.
 */
describe("simulated systems", { concurrent: true }, () => {
  openbsdTests(timeout);
  windowsTests(timeout);
});
