export { createDisk, createOverlay, convert, type QemuImgOptions, rebase } from "./qemu-img.ts";
export { closeToOthers, closeTrees, makePrivateDirectory } from "./close-to-others.ts";
export { copyDisk } from "./copy-disk.ts";
export { syncPath, syncTree } from "./durable.ts";
export { explain, explaining } from "./failures.ts";
export { type Layout, layoutOf, type StorePath, within } from "./layout.ts";
export { holding, isFree, type Lock, type LockMode, tryLock, waitForLock } from "./lock.ts";
export { type QcowHeader, readQcowHeader, resolveBacking } from "./qcow-header.ts";
export { openStore, QcowStore, type StoreOptions } from "./store.ts";
