import type { SnapshotPoint } from "../image-manifest.ts";

/** How quickly the steps of builds start on an image, as a boot of it has shown. */
export interface ImageSpeed {
  readonly first: FirstStepStart;
  readonly further: FurtherStepStart;
  /** The points that the image's manifest may list, though it does not. */
  readonly possiblePoints: readonly SnapshotPoint[];
}

/** How the VM of a first step starts. `reseededBy`: what gives a resumed guest random numbers of its own. */
export type FirstStepStart =
  | {
      readonly kind: "resumed";
      readonly points: readonly SnapshotPoint[];
      /** `initrd`: it was saved before it had any. */
      readonly reseededBy: "vm-generation-id" | "initrd" | "seed";
    }
  | {
      readonly kind: "booted";
      /**
       * `guest-os`: its profile cannot resume guests. `machine`: QEMU's machine, its disks, or the host. `random-numbers`: they could not
       * be renewed. `not-listed`: only the manifest does not say that the guest can be resumed.
       */
      readonly why: "guest-os" | "machine" | "random-numbers" | "not-listed";
      /** Words of the guest about it, if there are any. */
      readonly detail?: string;
    };

/** Whether a further step gets the VM of the one before. */
export type FurtherStepStart =
  | { readonly kind: "reused" }
  /** Only where the caller asks for it, see `SandboxOptions.vmReuse` of @ob/sandbox-qemu. */
  | { readonly kind: "on-request" }
  | {
      readonly kind: "started";
      readonly why: "guest-os" | "machine" | "state";
      readonly detail?: string;
    };
