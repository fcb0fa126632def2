export { createDisk, createOverlay, type OverlayOptions } from "./create.ts";
export {
  convert,
  type ConvertOptions,
  type ConfineReader,
  findDamage,
  type FindDamageOptions,
  type QemuImgOptions,
  rebase,
  renameBacking,
} from "./qemu-img.ts";
export { isEmptyDisk, type QcowHeader, readQcowHeader, resolveBacking } from "./header.ts";
export { copyDisk } from "./copy.ts";
export { fileToKeep, flattenBeforeUseFrom, flattenInBackgroundFrom } from "./flatten-policy.ts";
export { syncPath, syncTree } from "./fsync.ts";
export {
  isFree,
  isLockedExclusively,
  type Lock,
  type LockMode,
  tryLock,
  waitForLock,
  withLock,
} from "./file-lock.ts";
export { completeReplacements, lockImage, type NewImage, replaceImage } from "./image-publication.ts";
export {
  convertDisk,
  type ConvertDiskOptions,
  type ForeignDisk,
  inspectDisk,
} from "./foreign-disk/foreign-disk.ts";
export { disguiseOf } from "./foreign-disk/disk-formats.ts";
export { inspectQcow2, type Qcow2File } from "./foreign-disk/standalone-qcow2.ts";
export { inspectOverlay, type OverlayExpectation } from "./foreign-disk/overlay-qcow2.ts";
