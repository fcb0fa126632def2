export { bootForSmokeTest } from "./access/smoke-test-guest.ts";
export type { SandboxOptions, WarmVmOptions } from "./lifecycle/options.ts";
export type {
  Accelerator,
  AcceleratorChoice,
  ConfinementChoice,
  ConfinementStatus,
  Hardware,
  NetworkChoice,
  QemuDiagnosis,
} from "@ob/qemu";
export { confineReader, diagnoseConfinement, diagnoseQemu } from "@ob/qemu";
export { describeGuest, type GuestDefaults } from "./guest/describe-guest.ts";
export { createSandbox, type VmSandbox } from "./sandbox.ts";
export { listSnapshots, removeSnapshots, type SnapshotInfo } from "./snapshot/list-snapshots.ts";
export { pruneSnapshots } from "./snapshot/snapshot-store.ts";

// For authors of guest profiles.
export type {
  ArchiveOptions,
  CopyVerification,
  KernelTuning,
  FlushCommand,
  GuestCommand,
  GuestLine,
  GuestProfile,
  GuestProfileFactory,
  VmReuse,
} from "./guest/profile.ts";
export type { MountTask, OrderedCache } from "./guest/mount-task.ts";
export { exitDeviceMissing, exitNotFound } from "./guest/exit-statuses.ts";
export type { GuestProfiles } from "./guest/registry.ts";
export type { FramedLine } from "./ssh/frame.ts";
export { checkTarget } from "./guest/posix/check-target.ts";
export { posixDefaults } from "./guest/posix/defaults.ts";
export { environmentArgs } from "./guest/posix/env-args.ts";
export { identityCommand } from "./guest/posix/identity.ts";

export { acceptEnvCheck, freeDiskCheck, programCheck } from "./guest/posix/image-checks.ts";
export {
  fail as failFunction,
  makeDirectories as makeDirectoriesFunction,
} from "./guest/posix/scripts.generated.ts";
export { rootAccess, type RootAccess } from "./guest/posix/root.ts";
export { unpackScript } from "./guest/posix/unpack.ts";
export { userArgs } from "./guest/posix/user-args.ts";
export { tarScript } from "./guest/posix/read-archive.ts";
export { quoteWords as quoteArgs } from "./ssh/quote/posix.ts";
