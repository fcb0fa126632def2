export { bootForSmokeTest } from "./access/smoke-test-guest.ts";
export type { SandboxOptions } from "./lifecycle/options.ts";
export {
  type Accelerator,
  type AcceleratorChoice,
  type Hardware,
  installCpuArgs,
  type NetworkChoice,
} from "@ob/qemu";
export { createSandbox } from "./sandbox.ts";
export { pruneSnapshots } from "./snapshot/snapshot-store.ts";

// For authors of guest profiles.
export type {
  ArchiveOptions,
  CopyVerification,
  DisableAslr,
  FlushCommand,
  FramedLine,
  GuestCommand,
  GuestLine,
  GuestProfile,
  GuestProfileFactory,
  VmReuse,
} from "./guest/profile.ts";
export { exitDeviceMissing, exitNotFound } from "./guest/profile.ts";
export type { GuestProfiles } from "./guest/registry.ts";
export { checkTarget } from "./guest/posix/check-target.ts";
export { posixDefaults } from "./guest/posix/defaults.ts";
export { environmentArgs } from "./guest/posix/env-args.ts";

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
