import type { FirstStepStart, FurtherStepStart, ImageSpeed, SnapshotPoint } from "@ob/core";

/** What people read of an image's speed, and what a program does. Words of a guest may be in it. */
export interface SpeedTexts {
  readonly first: string;
  readonly further: string;
  /** What would make steps start more quickly. */
  readonly more: readonly string[];
}

export function describeSpeed({ first, further, possiblePoints }: ImageSpeed): SpeedTexts {
  const advice = [possiblePoints.length > 0 ? listPoints : adviceOnFirst(first), adviceOnFurther(further)];
  return {
    first: describeFirst(first),
    further: describeFurther(further),
    more: advice.filter((each) => each !== undefined),
  };
}

const points: Readonly<Record<SnapshotPoint, string>> = {
  initrd: "in the initrd",
  ready: "when it is ready",
};

const reseeds = {
  "vm-generation-id": "its kernel renews its random numbers by the VM generation id",
  initrd: "it has no random numbers before that",
  seed: "its random numbers are renewed by a seed",
} as const;

function describeFirst(first: FirstStepStart): string {
  if (first.kind === "resumed") {
    const where = first.points.map((point) => points[point]).join(", and ");
    return `a first step resumes a snapshot of a VM, taken ${where}; ${reseeds[first.reseededBy]}`;
  }
  return `a first step boots a VM: ${whyBooted[first.why]}${detailOf(first)}`;
}

const whyBooted = {
  "guest-os": "guests of this OS are not resumed",
  machine: "this machine is not resumed, or not with these disks, or not on this host",
  "random-numbers": "a resumed guest could not be given random numbers of its own",
  "not-listed": "the image manifest does not say that the guest can be resumed",
} as const;

function describeFurther(further: FurtherStepStart): string {
  if (further.kind === "reused") return "a further step runs in the VM of the one before";
  if (further.kind === "on-request")
    return "a further step starts as a first one does, unless VMs are always reused";
  return `a further step starts as a first one does: ${whyStarted[further.why]}${detailOf(further)}`;
}

const whyStarted = {
  "guest-os": "VMs of this OS are not reused",
  machine: "its root disk is not virtio",
  state: "the state of its guest cannot be compared",
} as const;

function detailOf({ detail }: { readonly detail?: string }): string {
  return detail === undefined ? "" : ` (${detail})`;
}

const listPoints =
  'With "snapshotPoints": ["ready"] in its manifest, a first step resumes a snapshot; `obuilder image import` adds that by itself.';

function adviceOnFirst(first: FirstStepStart): string | undefined {
  if (first.kind === "resumed") return undefined;
  switch (first.why) {
    case "random-numbers":
      return "With perl or python3 in the image, a first step can resume a snapshot.";
    case "machine":
      return "With virtio disks on a machine that can be resumed, on Linux, a first step can resume a snapshot: docs/architectures.md.";
    case "guest-os":
    case "not-listed":
      return undefined;
  }
}

function adviceOnFurther(further: FurtherStepStart): string | undefined {
  if (further.kind === "reused") return undefined;
  if (further.kind === "on-request") {
    return "With --vm-reuse=always, a further step runs in the VM of the one before: docs/speed.md says what that promises.";
  }
  switch (further.why) {
    case "machine":
      return "With virtio disks, a VM can serve several steps.";
    case "state":
    case "guest-os":
      return undefined;
  }
}
