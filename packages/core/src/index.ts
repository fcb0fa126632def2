export type { CacheLease, CacheRequest, CacheSharing, CacheStore } from "./cache.ts";
export { sha256, sha256File } from "./digest.ts";
export {
  cancelled,
  type ErrorCode,
  isObError,
  messageOf,
  ObError,
  type ObErrorOptions,
  systemCode,
  throwIfCancelled,
} from "./errors.ts";
export { type Emit, type ObEvent, type Phase, silent, type StepInfo } from "./events.ts";
export { lastLines, missingTool, run, type RunOptions, type RunResult } from "./exec.ts";
export {
  type GuestArch,
  guestArches,
  type GuestOs,
  guestOses,
  type DiskBus,
  diskBuses,
  type ImageManifest,
  isStoreKey,
  parseImageManifest,
  type ResumePoint,
  resumePoints,
} from "./image-manifest.ts";
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
  StepSequence,
  SecretMount,
} from "./sandbox.ts";
export type {
  BaseImage,
  BaseLayerInfo,
  BorrowedDisk,
  Environment,
  ExportOptions,
  Layer,
  LayerClaim,
  LayerRecord,
  PruneOptions,
  Store,
} from "./store.ts";
export type {
  ChooseProcessor,
  GuestTrial,
  StartTrial,
  TrialCommand,
  TrialOutcome,
  TrialRequest,
} from "./trial.ts";
export type {
  GuestAccess,
  GuestVisit,
  Interaction,
  ReadArchiveOptions,
  Screen,
  Terminal,
  VisitOptions,
  VisitRequest,
} from "./visit.ts";
