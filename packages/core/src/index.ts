export type { CacheLease, CacheRequest, CacheSharing, CacheStore } from "./ports/cache.ts";
export { abortable, abortReason, deadline, orCancelled, throwIfAborted } from "./abort.ts";
export { disposableWith } from "./disposable.ts";
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
  type DiskBus,
  diskBuses,
  type ImageManifest,
  isStoreKey,
  parseImageManifest,
  type ResumePoint,
  resumePoints,
} from "./image-manifest.ts";
export {
  exists,
  type FileIdentity,
  fileIdentity,
  findProgram,
  isFile,
  isUnchanged,
  searchPath,
} from "./fs.ts";
export { checkImageFiles, imageFile } from "./image-files.ts";
export { didYouMean, nearNames } from "./suggest.ts";
export { baseLayerId, isLayerId, type LayerId, layerId } from "./layer-id.ts";
export { toStoreError, withStoreErrors } from "./store-errors.ts";
export {
  diskIn,
  layerBackingPath,
  layerLock,
  resultDirectory,
  stagingDirectory,
  type StoreLayout,
  storeLayout,
  type StorePath,
  within,
} from "./store-layout.ts";
export { makePrivateDirectory, makeStorePrivate, makeTreesPrivate } from "./store-permissions.ts";
export type {
  CacheMount,
  ArchivedDirectory,
  CopyTask,
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
  StartSmokeTest as StartTrial,
  SmokeTestCommand as TrialCommand,
  SmokeTestResult as TrialOutcome,
  SmokeTestRequest as TrialRequest,
} from "./ports/smoke-test.ts";
export type {
  EphemeralGuest as GuestVisit,
  ReadArchiveOptions,
  EphemeralGuestOptions as VisitOptions,
  EphemeralGuestRequest as VisitRequest,
} from "./ports/ephemeral-guest.ts";
export type {
  ExecRequest as Interaction,
  GuestAccess,
  GuestImage,
  GuestOwner,
  GuestUser,
  Stdio as Terminal,
  Tty as Screen,
} from "./ports/guest.ts";
