import { statSync, unlinkSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { checkArgument, throwIfCancelled } from "@ob/core";

/*
 * Locks between processes that die with the process, without native modules. SQLite locks a database file with
 * fcntl: the kernel releases those locks however the process ends, and SQLite keeps them apart inside one process
 * as well. So a lock is an empty SQLite database: a write transaction is the exclusive lock, a read transaction
 * the shared one, and nothing is ever written.
 *
 * Nothing else in the process may open a lock's file: closing any descriptor of it releases the locks.
 */

/** `exclusive`: there is no other holder. `shared`: there is no exclusive holder. */
export type LockMode = "exclusive" | "shared";

/** A lock that is held. Releasing is idempotent; the end of the process releases as well. */
export interface Lock extends Disposable {
  readonly path: string;
  readonly mode: LockMode;
  release(): void;
}

const SQLITE_BUSY = 5;
const maxPauseMs = 100;

/**
 * Takes a lock without waiting for its holder. It is retried a few times, since two processes that try at the same moment
 * can both fail.
 *
 * @param path of the lock's file, whose directory exists.
 * @returns undefined if it is held in a mode that excludes `mode`.
 */
export async function tryLock(path: string, mode: LockMode): Promise<Lock | undefined> {
  checkLock("tryLock", path, mode);
  for (let attempt = 1; ; attempt += 1) {
    const lock = lockNow(path, mode);
    if (lock || attempt === 5) return lock;
    await delay(Math.random() * 4 * attempt);
  }
}

/**
 * Takes a lock, and waits until it is free.
 *
 * @throws ObError `CANCELLED` if the signal fires.
 */
export async function waitForLock(path: string, mode: LockMode, signal?: AbortSignal): Promise<Lock> {
  checkLock("waitForLock", path, mode);
  for (let pause = 2; ; pause = Math.min(pause * 1.5, maxPauseMs)) {
    throwIfCancelled(signal);
    const lock = lockNow(path, mode);
    if (lock) return lock;
    // A signal ends the pause by an error: the next turn throws the right one.
    await delay(pause * (0.5 + Math.random() / 2), undefined, signal && { signal }).catch(() => undefined);
  }
}

/** A mode that there is not would lock nothing. */
function checkLock(caller: string, path: unknown, mode: unknown): void {
  checkArgument(`${caller}: path`, path, "string");
  if (mode === "shared" || mode === "exclusive") return;
  throw new TypeError(`${caller}: mode must be "shared" or "exclusive", not ${JSON.stringify(mode)}.`);
}

/** Runs `work` while the lock is held, and releases it. */
export async function withLock<T>(lock: Lock, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/** True if the lock is held exclusively at this moment. Changes nothing, and creates no file. */
export function isLockedExclusively(path: string): boolean {
  if (fileOf(path) === undefined) return false;
  const lock = lockNow(path, "shared");
  lock?.release();
  return lock === undefined;
}

/** True if the lock has no holder of either mode at this moment. */
export function isFree(path: string): boolean {
  if (fileOf(path) === undefined) return true;
  const lock = lockNow(path, "exclusive");
  lock?.release();
  return lock !== undefined;
}

/** One try. Undefined if the lock is held in a mode that excludes `mode`. */
function lockNow(path: string, mode: LockMode): Lock | undefined {
  for (;;) {
    const before = fileOf(path);
    // SQLite waits for no lock unless it is told to.
    const database = new DatabaseSync(path);
    // The last holder removes the file of a lock. A lock on a removed file locks nothing: the file that was opened must be
    // the one that is at the path afterwards.
    const failure = begin(database, mode);
    const moved = before === undefined || fileOf(path) !== before;
    if (!moved && failure === undefined) return new HeldLock(database, { path, mode, identity: before });
    database.close();
    if (isBusy(failure)) return undefined;
    // SQLite can fail if the file is removed meanwhile.
    if (!moved) throw failure;
  }
}

/** Begins the transaction that is the lock. @returns why it could not, or undefined. */
function begin(database: DatabaseSync, mode: LockMode): unknown {
  try {
    // A write transaction on an empty database prepares its first page, and would make a journal file for it.
    database.exec("PRAGMA journal_mode = MEMORY");
    if (mode === "exclusive") {
      database.exec("BEGIN EXCLUSIVE");
    } else {
      database.exec("BEGIN");
      // A read transaction starts with the first read.
      database.prepare("SELECT count(*) FROM sqlite_schema").get();
    }
    return undefined;
  } catch (error) {
    return error;
  }
}

class HeldLock implements Lock {
  readonly path: string;
  readonly mode: LockMode;
  readonly #identity: string;
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync, held: { path: string; mode: LockMode; identity: string }) {
    this.#database = database;
    this.path = held.path;
    this.mode = held.mode;
    this.#identity = held.identity;
  }

  /** Releases the lock, and removes the file if there is no other holder. A file that stays serves the next holder. */
  release(): void {
    if (!this.#database.isOpen) return;
    try {
      if (this.mode === "shared") {
        this.#database.exec("ROLLBACK");
        // Another holder removes the file, or has removed it already.
        if (begin(this.#database, "exclusive") !== undefined) return;
        if (fileOf(this.path) !== this.#identity) return;
      }
      unlinkSync(this.path);
    } catch {
      // The directory can be gone by now, and the disk can be full or failing: what counts is that the lock is released.
    } finally {
      this.#database.close();
    }
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** Distinguishes the file at `path` from any that was or will be there, even one that reuses its inode; undefined if there is none. */
function fileOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev} ${found.ino} ${found.birthtimeNs}`;
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && (Number(error.errcode) & 0xff) === SQLITE_BUSY;
}
