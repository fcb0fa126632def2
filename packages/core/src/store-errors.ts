import { errnoCode, errorMessage, firstError, isObError, noSpaceError, ObError } from "./errors.ts";

const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;
/** Even reading needs a shared-memory file of 32 KiB, which does not fit on a disk that is completely full. */
const SQLITE_IOERR_SHMSIZE = 4874;

/**
 * Turns an error of the file system or of SQLite into one that a user can act on. An `ObError` is returned as it is.
 *
 * @param doing what failed, as a verb phrase after `Cannot`: `create the layer 12ab…`.
 */
export function toStoreError(error: unknown, doing: string): ObError {
  if (isObError(error)) return error;
  const said = `Cannot ${doing}: ${errorMessage(error)}`;
  switch (errnoCode(error)) {
    case "ENOSPC":
    case "EDQUOT":
      return noSpaceError(said, { cause: error });
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return notWritable(said, error);
    case "EMFILE":
    case "ENFILE":
      return new ObError("STORE", said, {
        cause: error,
        hint: "Raise the limit on open files (`ulimit -n`).",
      });
    case "ERR_SQLITE_ERROR":
      return explainSqlite(error, said);
    case undefined:
    default:
      return new ObError("STORE", said, { cause: error });
  }
}

function explainSqlite(error: unknown, said: string): ObError {
  const extended = error instanceof Error && "errcode" in error ? Number(error.errcode) : 0;
  if (extended === SQLITE_IOERR_SHMSIZE) {
    const hint = "The store's disk is completely full. Free some space by hand first.";
    return noSpaceError(said, { cause: error, hint });
  }
  switch (extended & 0xff) {
    case SQLITE_FULL:
      return noSpaceError(said, { cause: error });
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return notWritable(said, error);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return new ObError("STORE", `${said}. The store's database is damaged.`, {
        cause: error,
        hint: "Move state/db/ away: a new database is made, and finished layers are added to it again when builds use them.",
      });
    case SQLITE_IOERR:
      return new ObError("STORE", said, {
        cause: error,
        hint: "Check whether the store's disk is full or failing.",
      });
    default:
      return new ObError("STORE", said, { cause: error });
  }
}

function notWritable(said: string, cause: unknown): ObError {
  return new ObError("STORE", said, {
    cause,
    hint: "The store must be writable for the user who builds: check its owner and permissions, and that its disk is not mounted read-only.",
  });
}

/** Runs `work`; what it throws becomes an `ObError`: see `toStoreError`. */
export async function withStoreErrors<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toStoreError(firstError(error), doing);
  }
}
