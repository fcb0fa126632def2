import { type LayerId, layerId, type LayerTag } from "@ob/core";
import { formatDate, parseDate } from "./dates.ts";
import type { Statements } from "./statements.ts";

/** The table `layer_tags`: the names that users have given to layers. The original does not know it. */
export class TagTable {
  readonly #statements: Statements;

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /** Those of layers that the database has, by name. */
  list(): readonly LayerTag[] {
    return this.#statements
      .query("SELECT t.name, t.id, t.created FROM layer_tags t JOIN builds b ON b.id = t.id ORDER BY t.name")
      .all()
      .map((row) => ({
        name: String(row["name"]),
        id: layerId(String(row["id"])),
        created: parseDate(String(row["created"])),
      }));
  }

  /** The layer that has a tag. */
  find(name: string): LayerId | undefined {
    const row = this.#statements.query("SELECT id FROM layer_tags WHERE name = ?").get(name);
    return row && layerId(String(row["id"]));
  }

  /** Gives a layer names, all or none. No power failure takes them back. */
  set(id: LayerId, names: readonly string[]): void {
    const now = formatDate(new Date());
    this.#statements.durableTransaction(() => {
      for (const name of names) {
        this.#statements
          .query("INSERT OR REPLACE INTO layer_tags (name, id, created) VALUES (?, ?, ?)")
          .run(name, id, now);
      }
    });
  }

  /** No power failure brings it back. @returns false if there was no such tag. */
  remove(name: string): boolean {
    let found = false;
    this.#statements.durableTransaction(() => {
      found = this.#statements.query("DELETE FROM layer_tags WHERE name = ?").run(name).changes > 0;
    });
    return found;
  }
}
