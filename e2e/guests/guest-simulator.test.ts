import { guestConformance } from "./guest-conformance.ts";
import { simulatorImage } from "./guest-simulator.ts";

guestConformance("a Linux guest that wears OpenBSD's commands (personality)", {
  os: "openbsd",
  image: () => simulatorImage("openbsd"),
});

guestConformance("a Linux guest that wears Windows' commands, its junctions simulated (personality)", {
  os: "windows",
  image: () => simulatorImage("windows"),
  damagesCopies: true,
});
