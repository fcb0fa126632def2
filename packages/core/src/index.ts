export {
  type BuildOutcome,
  type BuildRecord,
  type BuildRecords,
  maxBuildRecords,
  type PhaseTime,
  type StepOutcome,
  type StepRecord,
} from "./ports/build-records.ts";
export type { CacheLease, CacheRecord, CacheRequest, CacheSharing, CacheStore } from "./ports/cache.ts";
export { abortable, abortReason, deadline, orCancelled, throwIfAborted } from "./abort.ts";
export { isOutdated, monotonicMs, wallClock } from "./clock.ts";
export { checkArgument, checkOptions, type OptionKind } from "./check-options.ts";
export { disposableWith } from "./disposable.ts";
export { sha256, sha256File, sha256OfText } from "./digest.ts";
export {
  cancelledError,
  type ErrorCode,
  firstError,
  isObError,
  noSpaceError,
  errorMessage,
  ObError,
  type ObErrorOptions,
  errnoCode,
  throwIfCancelled,
  withFacts,
} from "./errors.ts";
export { type Emit, type ObEvent, type Phase, noopEmit, type StepInfo, type VmStart } from "./events.ts";
export type { OnOutput } from "./output.ts";
export { unsafeCharacters } from "./unsafe-characters.ts";
export { readRegularFile } from "./regular-file.ts";
export { TailText } from "./tail-text.ts";
export { tailLines, missingTool, run, type RunOptions, type RunResult } from "./exec.ts";
export {
  archNames,
  type ArchNames,
  type GuestArch,
  guestArchNames,
  guestArchOf,
  hostGuestArch,
  type OciArch,
} from "./guest-arch.ts";
export {
  type GuestOs,
  isGuestOsName,
  type KnownGuestOs,
  guestOsNames,
  type DiskBus,
  diskBuses,
  type ImageManifest,
  isStoreKey,
  parseImageManifest,
  type SnapshotPoint,
  snapshotPointNames,
} from "./image-manifest.ts";
export type { CacheFileSystem, GuestDescription } from "./ports/guest-description.ts";
export { localFs } from "./local-fs.ts";
export {
  exists,
  type FileIdentity,
  fileIdentity,
  findProgram,
  isFile,
  isUnchanged,
  searchPath,
} from "./fs.ts";
export { checkImageFiles, imageFile, readImageText } from "./image-files.ts";
export type { FailedStep, SpecLocation } from "./spec-location.ts";
export { didYouMean, nearNames } from "./suggest.ts";
export { type JsonRefusal, type JsonText, parseForeignJson } from "./json.ts";
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
export { debianPackageOf } from "./debian-packages.ts";
export { makePrivateDirectory, makeStorePrivate, makeTreesPrivate } from "./store-permissions.ts";
export type { CacheMount, RunTask, SecretMount } from "./ports/run-task.ts";
export type {
  ArchivedDirectory,
  ArchiveFeature,
  CopyTask,
  OpenArchiveOptions,
  Sandbox,
  SandboxRunOptions,
  SandboxStep,
  StepSession,
} from "./ports/sandbox.ts";
export type {
  BaseImage,
  BaseLayerInfo,
  ScratchDisk,
  Environment,
  Layer,
  LayerWriter,
  Store,
} from "./ports/store.ts";
export type { LayerRenewals } from "./ports/layer-renewals.ts";
export type { ChainDisk, HeldLayer, LayerImport } from "./ports/shared-layer.ts";
export type { DeleteLayerOptions, ExportFormat, ExportOptions, PruneOptions } from "./ports/store-options.ts";
export type { LayerRecord, LayerStep, LayerTag, RecordedStep } from "./ports/layer-notes.ts";
export { baseOfTag, isTagName, parseTagName, taggedBase } from "./tag-name.ts";
export { noSuchTag } from "./no-such-tag.ts";
export { isAbandonedName, ownedName } from "./owned-name.ts";
export { makeTemporaryDirectory, partialBeside, type TemporaryDirectory } from "./temporary-directory.ts";
export type { FirstStepStart, FurtherStepStart, ImageSpeed } from "./ports/image-speed.ts";
export type {
  ResolveCpuArgs,
  SmokeTestGuest,
  StartSmokeTest,
  SmokeTestCommand,
  SmokeTestResult,
  SmokeTestRequest,
} from "./ports/smoke-test.ts";
export type {
  EphemeralGuest,
  ReadArchiveOptions,
  EphemeralGuestOptions,
  EphemeralGuestRequest,
} from "./ports/ephemeral-guest.ts";
export type {
  ExecRequest,
  GuestAccess,
  GuestImage,
  GuestOwner,
  GuestUser,
  Stdio,
  Tty,
} from "./ports/guest.ts";

export {
  type FileSystemSpace,
  type SpaceGuard,
  spaceGuard,
  type SpaceWatch,
  watchSpace,
} from "./free-space.ts";
export { environmentWithoutOwn } from "./child-environment.ts";
export { diskUsage } from "./disk-usage.ts";
export { ForwardingStore } from "./forwarding-store.ts";
export { quotedName } from "./quoted-name.ts";
export type { ImageCheck } from "./ports/smoke-test.ts";
