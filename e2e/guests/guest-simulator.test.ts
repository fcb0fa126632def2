import { describe } from "vitest";
import { guestConformance } from "./guest-conformance.ts";
import { oneCpu, simulatorImage } from "./guest-simulator.ts";

// Both at once: much of a guest's time is waiting.
describe("simulated guests", { concurrent: true }, () => {
  guestConformance("a Linux guest with OpenBSD's commands (simulated)", {
    os: "openbsd",
    image: () => simulatorImage("openbsd"),
    flags: oneCpu,
  });

  guestConformance("a Linux guest with Windows' commands, its junctions simulated (simulated)", {
    os: "windows",
    image: () => simulatorImage("windows"),
    flags: oneCpu,
    damagesCopies: true,
  });
});
