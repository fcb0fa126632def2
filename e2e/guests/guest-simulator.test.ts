import { guestConformance } from "./guest-conformance.ts";
import { simulatorImage } from "./guest-simulator.ts";

guestConformance("a Linux guest with OpenBSD's commands (simulated)", {
  os: "openbsd",
  image: () => simulatorImage("openbsd"),
});

guestConformance("a Linux guest with Windows' commands, its junctions simulated (simulated)", {
  os: "windows",
  image: () => simulatorImage("windows"),
  damagesCopies: true,
});
