import { spawnSync } from "node:child_process";
import type { GuestOs } from "@ob/core";
import { describe, expect, it } from "vitest";
import { capturedState } from "../testing/captured-state.ts";
import { runTask } from "../testing/run-task.ts";
import { linuxGuest } from "./linux/profile.ts";
import { openbsdGuest } from "./openbsd/profile.ts";
import type { GuestCommand, GuestProfile } from "./profile.ts";
import { windowsGuest } from "./windows/profile.ts";

const profiles: readonly GuestProfile[] = [linuxGuest("opam"), openbsdGuest("opam"), windowsGuest("opam")];

const taskOn = (os: GuestOs) =>
  runTask({
    caches: [
      { name: "c", disk: "/c.qcow2", formatted: false, target: os === "windows" ? "C:/cache" : "/cache" },
    ],
    secrets: [{ target: "/run/key", contents: Buffer.from("x") }],
  });

/** Every command that is run in a guest. */
function commandsOf(profile: GuestProfile): readonly GuestCommand[] {
  const { prepare, unpack, verification, shutdown, vmReuse, tuneKernel } = profile;
  const task = taskOn(profile.os);
  const baseline = vmReuse?.parseBaseline(capturedState);
  const some = [
    profile.resumed?.(new Date(0)),
    tuneKernel?.("tcg").command,
    profile.unpackDisk?.("obuilder-copy-012345", Buffer.from("\n")),
    profile.findOwner?.("opam"),
    profile.killStrayProcesses?.("1"),
    verification?.check("list", ""),
    verification?.unpackIso(["one.tar"]),
    vmReuse?.captureBaseline("1"),
    baseline?.kind === "baseline" ? baseline.baseline.resetAndFlush("1") : undefined,
    vmReuse?.thaw(new Date(0)),
    shutdown === "acpi" ? undefined : shutdown,
  ];
  return [
    prepare,
    unpack,
    profile.flush("1"),
    profile.run(task),
    ...profile.mount(task),
    ...profile.unmount(task, "1"),
    profile.readArchive("/x", []),
    ...some.filter((command) => command !== undefined),
  ];
}

describe.each(profiles.map((profile) => [profile.os, profile] as const))(
  "%s",
  (os: GuestOs, profile: GuestProfile) => {
    it("has a frame for every command", () => {
      for (const { purpose, framed } of commandsOf(profile)) {
        expect(framed, purpose).toBeDefined();
        for (const frame of [{ mark: "a-mark" }, { mark: "a-mark", marksEnd: true, marksInput: true }]) {
          const { command, inputStart } = framed?.(frame) ?? { command: "" };
          // A shell that prints its commands does not print the mark.
          expect(command, purpose).not.toContain("a-mark");
          expect(inputStart, purpose).toMatch(
            os !== "windows" && "marksInput" in frame ? /^\n+a-mark\n$/ : /^$/,
          );
          expect(spawnSync("/bin/bash", ["-n", "-c", command]).status, purpose).toBe(0);
        }
      }
    });
  },
);
