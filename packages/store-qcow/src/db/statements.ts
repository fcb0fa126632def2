import type { DatabaseSync, StatementSync } from "node:sqlite";

/** The prepared statements of an open database. */
export class Statements {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  query(sql: string): StatementSync {
    const known = this.#prepared.get(sql);
    if (known) return known;
    const statement = this.#database.prepare(sql);
    this.#prepared.set(sql, statement);
    return statement;
  }

  /** As `transaction`; when it returns, this and all that was committed before is on disk, whatever happens to the host. */
  durableTransaction(work: () => void): void {
    this.#database.exec("PRAGMA synchronous = FULL");
    try {
      this.transaction(work);
    } finally {
      this.#database.exec("PRAGMA synchronous = NORMAL");
    }
  }

  transaction(work: () => void): void {
    // IMMEDIATE: a transaction that starts as a reader cannot wait when it comes to write.
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      work();
      this.#database.exec("COMMIT");
    } catch (error) {
      // On some errors, such as a full disk, SQLite has rolled back by itself.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }
}
