import type { GuestCommand, VmReuse } from "../profile.ts";
import {
  diffBaseline,
  hasFilesNewerThan,
  homeOf,
  mountsOf,
  pathsInMemory,
  settingsOf,
  updateClock,
} from "./baseline.ts";
import { processesIn, programsIn } from "./boot-info.ts";
import { frozenMarker } from "./markers.ts";
import * as scripts from "./scripts.generated.ts";

type AsRootCommand = (
  script: string,
  args?: readonly string[],
) => Pick<GuestCommand, "command" | "framed" | "script">;

export function linuxVmReuse(loginUser: string, asRootCommand: AsRootCommand): VmReuse {
  return {
    captureBaseline: (baseline) => ({
      phase: "login",
      purpose: "note what its boot has made",
      ...asRootCommand(scripts.captureBaseline, [
        scripts.captureInBootShell,
        loginUser,
        programsIn(baseline),
      ]),
      failure: "GUEST_LOST",
    }),
    resetAndFlush: (baseline, noted) => {
      const { ids, devices, inMemory, queues = "" } = mountsOf(noted);
      const { files, digest } = settingsOf(noted);
      const words = [
        processesIn(baseline),
        ...[ids, devices, inMemory].map((list) => list.join(" ")),
        ...[queues, homeOf(noted), files.join(" "), digest, programsIn(baseline)],
        pathsInMemory(noted).join("\n"),
      ];
      return {
        phase: "flush",
        purpose: "put everything on the disk",
        ...asRootCommand(scripts.resetAndFlush, [scripts.resetInBootShell, ...words]),
        failure: "UNCLEAN_STOP",
        frozen: frozenMarker,
      };
    },
    thaw: (now) => ({
      phase: "login",
      purpose: "go on",
      ...asRootCommand(scripts.thaw, [(now.getTime() / 1000).toFixed(3)]),
      failure: "GUEST_LOST",
    }),
    diffBaseline,
    updateClock,
    hasFilesNewerThan,
  };
}
