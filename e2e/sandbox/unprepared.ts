import type { GuestImage, ObEvent } from "@ob/core";
import type { Harness } from "./harness.ts";

/** The default image as one that has nothing of ours: it says nothing when it is ready, and its kernel has no VM generation id. */
export function unpreparedImage({ image: { manifest, manifestDirectory } }: Harness): GuestImage {
  if (!manifest?.directBoot) throw new TypeError("the image has no kernel");
  const { readyMarker: _marker, directBoot, ...rest } = manifest;
  const commandLine = `${directBoot.commandLine} initcall_blacklist=vmgenid_driver_init`;
  return {
    manifest: { ...rest, directBoot: { ...directBoot, commandLine }, snapshotPoints: ["ready"] },
    manifestDirectory,
  };
}

/** How the VM of a step was started. */
export function startOf(events: readonly ObEvent[]): string {
  const texts = events.flatMap((event) => (event.type === "log" ? [event.text] : []));
  return texts.find((text) => /^(?:booted|resumed from snapshot)/.test(text))?.replace(/,.*/, "") ?? "";
}
