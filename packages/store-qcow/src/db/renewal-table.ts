import { type LayerId, layerId, type LayerRenewals } from "@ob/core";
import type { Statements } from "./statements.ts";

/** The table `layer_renewals`: the layers of steps that were run anew. The original does not know it. */
export class RenewalTable implements LayerRenewals {
  readonly #statements: Statements;

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  current(id: LayerId): LayerId {
    const row = this.#statements.query("SELECT renewed FROM layer_renewals WHERE id = ?").get(id);
    return row ? layerId(String(row["renewed"])) : id;
  }

  /** No power failure takes it back: the older layer would be used again. */
  renew(id: LayerId, by: LayerId): void {
    this.#statements.durableTransaction(() => {
      this.#statements.query("INSERT OR REPLACE INTO layer_renewals (id, renewed) VALUES (?, ?)").run(id, by);
    });
  }
}
