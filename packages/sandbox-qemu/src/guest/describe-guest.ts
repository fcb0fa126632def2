import { checkOptions, type GuestDescription, type GuestImage } from "@ob/core";
import { inMountOrder } from "./mount-order.ts";
import type { GuestProfile } from "./profile.ts";
import { type GuestOptions, resolveGuest } from "./resolve-guest.ts";

/** What describes a guest where its image's manifest does not. */
export type GuestDefaults = Pick<GuestOptions, "guestOs" | "guestArch" | "hardware" | "profiles">;

/** See `Sandbox.distinctTargets`; of all guests. */
export const distinctTargets = true;

/**
 * See `Sandbox.guest`: for a caller who plans and has no sandbox.
 *
 * @throws ObError `USAGE` if a flag contradicts the manifest; `UNSUPPORTED` for a guest OS without a profile.
 */
export function describeGuest(image: GuestImage, defaults: GuestDefaults = {}): GuestDescription {
  checkOptions("describeGuest", image, { manifest: "object?", manifestDirectory: "string" });
  const { os, arch, profile } = resolveGuest(image, defaults);
  const { cacheFileSystem, copyTarget, copySource } = profile;
  // A store of the original does not say what its images are, and its cached steps need no guest.
  const isAssumed = image.manifest === undefined && defaults.guestOs === undefined;
  return { os, arch, cacheFileSystem, copyTarget, copySource, ...(isAssumed ? {} : checksOf(profile)) };
}

function checksOf(profile: GuestProfile): Pick<GuestDescription, "checkRun" | "checkCopy"> {
  return {
    // Making the commands is what refuses them; they are not run.
    checkRun(task) {
      profile.mount(inMountOrder(task, profile));
      profile.run(task);
    },
    checkCopy: (destination) => void profile.verification?.unpackedPath(destination),
  };
}
