/** The exit status of `readArchive` if the path does not exist. */
export const exitNotFound = 66;

/** The exit status of `LoginCheck.server` if the guest's SSH server cannot be used in this way. */
export const exitNoServer = 69;

/** The exit status of `unpack` and `unpackDisk` if the guest's tar cannot unpack sparse files. */
export const exitNoSparse = 123;

/** The exit status of `unpackDisk` if the disk did not appear in the guest in time. */
export const exitDeviceMissing = 124;
