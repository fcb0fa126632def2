import { DatabaseSync, type StatementSync } from "node:sqlite";
import { isLayerId, type LayerId, layerId, type LayerRecord } from "@ob/core";
import { BuildTable } from "./build-table.ts";
import { formatDate, parseDate } from "./dates.ts";
import { familyQuery, listQuery, schema, unusedQuery } from "./schema.ts";
import { Statements } from "./statements.ts";
import { StepTable } from "./step-table.ts";
import { RenewalTable } from "./renewal-table.ts";
import { TagTable } from "./tag-table.ts";

/** What distinguishes one state of a file from another without reading it, wherever the file was moved. */
export interface ImageState {
  /** In bytes. */
  readonly size: number;
  /** When it was last written, in nanoseconds since 1970. */
  readonly mtimeNs: bigint;
}

/** A state in which a base image was seen, and the layer that was made from it. */
export interface BaseImageRecord extends ImageState {
  readonly id: LayerId;
  /** Of the file's contents, where it had to be computed. */
  readonly sha256: string | undefined;
}

/** A digest of a layer's disk. */
export interface DiskDigest {
  readonly sha256: string;
  /** False for that of an earlier file with the same contents of the disk. */
  readonly ofFile: boolean;
}

/**
 * The store's database, `state/db/db.sqlite`: in WAL mode, as the original has it, so that readers and one writer
 * work in parallel, and it survives a crash at any point. Every method is one short transaction. A power failure can take the
 * last of them back, except those that say otherwise. Layers are on disk before they are inserted, and marked as pending: what is
 * taken back is inserted again when the store is next opened.
 */
export class StoreDatabase implements Disposable {
  readonly #database: DatabaseSync;
  readonly #statements: Statements;
  readonly tags: TagTable;
  readonly renewals: RenewalTable;
  readonly steps: StepTable;
  readonly builds: BuildTable;

  /** Opens the database, and creates it if there is none. One process at a time may do this. */
  constructor(path: string) {
    this.#database = new DatabaseSync(path, { timeout: 10_000 });
    this.#statements = new Statements(this.#database);
    this.tags = new TagTable(this.#statements);
    this.renewals = new RenewalTable(this.#statements);
    this.steps = new StepTable(this.#statements);
    this.builds = new BuildTable(this.#statements);
    try {
      this.#database.exec("PRAGMA journal_mode = WAL");
      this.#database.exec("PRAGMA synchronous = NORMAL");
      this.#database.exec(schema);
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  has(id: LayerId): boolean {
    return this.#query("SELECT 1 FROM builds WHERE id = ?").get(id) !== undefined;
  }

  /** The parent of a layer; undefined for a base layer and for one that is not in the database. */
  parentOf(id: LayerId): LayerId | undefined {
    return optionalId(this.#query("SELECT parent FROM builds WHERE id = ?").get(id)?.["parent"]);
  }

  /** Records that a layer is about to be published, so that a crash does not lose its parent. No power failure takes it back. */
  markPending(id: LayerId, parent: LayerId | undefined): void {
    this.#statements.durableTransaction(() => {
      this.#query("INSERT OR REPLACE INTO pending_layers (id, parent) VALUES (?, ?)").run(id, parent ?? null);
    });
  }

  /** Layers that were marked as pending, and neither inserted nor cleared. */
  pending(): readonly { readonly id: LayerId; readonly parent: LayerId | undefined }[] {
    return this.#query("SELECT id, parent FROM pending_layers")
      .all()
      .map((row) => ({ id: layerId(String(row["id"])), parent: optionalId(row["parent"]) }));
  }

  clearPending(id: LayerId): void {
    this.#query("DELETE FROM pending_layers WHERE id = ?").run(id);
  }

  /** Inserts a published layer. Inserting it again changes nothing. Its parent must be in the database. */
  insert(id: LayerId, parent: LayerId | undefined): void {
    const now = formatDate(new Date());
    this.#statements.transaction(() => {
      const { changes } = this.#query(
        "INSERT OR IGNORE INTO builds (id, created, used, rc, parent) VALUES (?, ?, ?, 0, ?)",
      ).run(id, now, now, parent ?? null);
      if (changes > 0 && parent) {
        this.#query("UPDATE builds SET rc = rc + 1 WHERE id = ?").run(parent);
      }
      this.clearPending(id);
    });
  }

  /** Deletes layers, dependents first. Skips unknown ids. */
  remove(ids: Iterable<LayerId>): void {
    this.#statements.transaction(() => {
      for (const id of ids) {
        const row = this.#query("DELETE FROM builds WHERE id = ? RETURNING parent").get(id);
        const parent = optionalId(row?.["parent"]);
        if (parent) this.#query("UPDATE builds SET rc = max(rc - 1, 0) WHERE id = ?").run(parent);
        this.#query("DELETE FROM base_images WHERE id = ?").run(id);
        this.#query("DELETE FROM layer_digests WHERE id = ?").run(id);
        this.#query("DELETE FROM layer_tags WHERE id = ?").run(id);
        this.#query("DELETE FROM layer_steps WHERE id = ?").run(id);
        this.clearPending(id);
      }
    });
  }

  /** Records that layers are used now. Skips unknown ids. */
  recordUse(ids: Iterable<LayerId>): void {
    const now = formatDate(new Date());
    this.#statements.transaction(() => {
      for (const id of ids) this.#query("UPDATE builds SET used = ? WHERE id = ?").run(now, id);
    });
  }

  /** A layer and all that depend on it, dependents first; empty if it is unknown and has no dependents. */
  descendants(id: LayerId): readonly LayerId[] {
    return this.#query(familyQuery)
      .all({ id })
      .flatMap((row) => optionalId(row["id"]) ?? []);
  }

  /** Layers without dependents that were not used since, least recently used first; those with tags only if `tagged`. */
  unused(
    before: Date,
    { tagged, limit }: { readonly tagged: boolean; readonly limit: number },
  ): readonly LayerId[] {
    return this.#query(unusedQuery)
      .all({ before: formatDate(before), tagged: tagged ? 1 : 0, limit })
      .flatMap((row) => optionalId(row["id"]) ?? []);
  }

  /** All layers, least recently used first. */
  list(): readonly LayerRecord[] {
    return this.#query(listQuery)
      .all()
      .flatMap((row) => {
        const id = optionalId(row["id"]);
        if (!id) return [];
        return {
          id,
          parent: optionalId(row["parent"]),
          created: parseDate(String(row["created"])),
          lastUsed: parseDate(String(row["used"])),
          dependents: Number(row["dependents"]),
        };
      });
  }

  /** The states in which a base image was seen, newest first. */
  baseImages(name: string): readonly BaseImageRecord[] {
    const query = this.#query(
      "SELECT size, mtime_ns, id, sha256 FROM base_images WHERE name = ? ORDER BY rowid DESC",
    );
    query.setReadBigInts(true);
    return query.all(name).map((row) => ({
      size: Number(row["size"]),
      mtimeNs: BigInt(String(row["mtime_ns"])),
      id: layerId(String(row["id"])),
      sha256: row["sha256"] === null ? undefined : String(row["sha256"]),
    }));
  }

  /** The name of the base image that a layer was made from, if that is known. */
  baseImageName(id: LayerId): string | undefined {
    const row = this.#query("SELECT name FROM base_images WHERE id = ? ORDER BY rowid DESC").get(id);
    return row && String(row["name"]);
  }

  /** Records the state of a base image. With `replace`, older records of its layer are deleted. */
  recordBaseImage(name: string, record: BaseImageRecord, options: { replace?: boolean } = {}): void {
    this.#statements.transaction(() => {
      if (options.replace) this.#query("DELETE FROM base_images WHERE id = ?").run(record.id);
      this.#query(
        "INSERT OR REPLACE INTO base_images (name, size, mtime_ns, id, sha256) VALUES (?, ?, ?, ?, ?)",
      ).run(name, record.size, record.mtimeNs, record.id, record.sha256 ?? null);
    });
  }

  /** The digests of a layer's disk in a state of its file, in the order in which they were recorded. */
  diskDigests(id: LayerId, { size, mtimeNs }: ImageState): readonly DiskDigest[] {
    return this.#query(
      "SELECT sha256, of_file FROM layer_digests WHERE id = ? AND size = ? AND mtime_ns = ? ORDER BY rowid",
    )
      .all(id, size, mtimeNs)
      .map((row) => ({ sha256: String(row["sha256"]), ofFile: row["of_file"] === 1 }));
  }

  recordDiskDigest(id: LayerId, { size, mtimeNs }: ImageState, { sha256, ofFile }: DiskDigest): void {
    this.#query(
      "INSERT OR IGNORE INTO layer_digests (id, size, mtime_ns, sha256, of_file) VALUES (?, ?, ?, ?, ?)",
    ).run(id, size, mtimeNs, sha256, ofFile ? 1 : 0);
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #query(sql: string): StatementSync {
    return this.#statements.query(sql);
  }
}

function optionalId(value: unknown): LayerId | undefined {
  return typeof value === "string" && isLayerId(value) ? value : undefined;
}
