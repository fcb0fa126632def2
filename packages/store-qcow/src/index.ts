export { createDisk, createOverlay, convert, type QemuImgOptions, rebase } from "./qemu-img.ts";
export { copyDisk } from "./copy-disk.ts";
export { syncPath, syncTree } from "./fsync.ts";
export { withLock as holding, isFree, type Lock, type LockMode, tryLock, waitForLock } from "./lock.ts";
export { type QcowHeader, readQcowHeader, resolveBacking } from "./qcow-header.ts";
export { openStore, QcowStore, type StoreOptions } from "./store.ts";
export { convertDisk, type ForeignDisk, inspectDisk } from "./foreign-disk/foreign-disk.ts";
export { inspectQcow2, type Qcow2File } from "./foreign-disk/standalone-qcow2.ts";
