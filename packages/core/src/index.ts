export type { CacheLease, CacheRequest, CacheSharing, CacheStore } from "./ports/cache.ts";
export { sha256, sha256File } from "./digest.ts";
export {
  cancelledError as cancelled,
  type ErrorCode,
  isObError,
  errorMessage as messageOf,
  ObError,
  type ObErrorOptions,
  errnoCode as systemCode,
  throwIfCancelled,
} from "./errors.ts";
export { type Emit, type ObEvent, type Phase, noopEmit as silent, type StepInfo } from "./events.ts";
export { tailLines as lastLines, missingTool, run, type RunOptions, type RunResult } from "./exec.ts";
export {
  type GuestArch,
  guestArchNames as guestArches,
  type GuestOs,
  guestOsNames as guestOses,
  isGuestOsName,
  type KnownGuestOs,
  type DiskBus,
  diskBuses,
  type ImageManifest,
  isStoreKey,
  parseImageManifest,
  type ResumePoint,
  resumePoints,
} from "./image-manifest.ts";
export type { CacheFileSystem, GuestDescription } from "./ports/guest-description.ts";
export { checkImageFiles, imageFile } from "./image-files.ts";
export { isLayerId, type LayerId, layerId } from "./layer-id.ts";
export type {
  CacheMount,
  ArchivedDirectory,
  CopyTask,
  GuestImage,
  GuestOwner,
  GuestUser,
  OpenArchiveOptions,
  RunTask,
  Sandbox,
  SandboxRunOptions,
  SandboxStep,
  StepSession as StepSequence,
  SecretMount,
} from "./ports/sandbox.ts";
export type {
  BaseImage,
  BaseLayerInfo,
  ScratchDisk as BorrowedDisk,
  Environment,
  ExportOptions,
  Layer,
  LayerWriter as LayerClaim,
  LayerRecord,
  PruneOptions,
  Store,
} from "./ports/store.ts";
export type {
  ResolveCpuArgs as ChooseProcessor,
  SmokeTestGuest as GuestTrial,
  ImageCheck,
  StartSmokeTest as StartTrial,
  SmokeTestCommand as TrialCommand,
  SmokeTestResult as TrialOutcome,
  SmokeTestRequest as TrialRequest,
} from "./ports/smoke-test.ts";
export type {
  GuestAccess,
  EphemeralGuest as GuestVisit,
  ExecRequest as Interaction,
  ReadArchiveOptions,
  Tty as Screen,
  Stdio as Terminal,
  EphemeralGuestOptions as VisitOptions,
  EphemeralGuestRequest as VisitRequest,
} from "./ports/ephemeral-guest.ts";
