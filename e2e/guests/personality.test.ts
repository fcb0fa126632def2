import { lifeCycle } from "./life-cycle.ts";
import { personalityImage } from "./personality.ts";

lifeCycle("a Linux guest that wears OpenBSD's commands (personality)", {
  os: "openbsd",
  image: () => personalityImage("openbsd"),
});

lifeCycle("a Linux guest that wears Windows' commands, its junctions simulated (personality)", {
  os: "windows",
  image: () => personalityImage("windows"),
  damagesCopies: true,
});
