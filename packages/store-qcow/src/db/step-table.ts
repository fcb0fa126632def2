import { isLayerId, type LayerId, type LayerStep, type RecordedStep } from "@ob/core";
import type { Statements } from "./statements.ts";

/** The table `layer_steps`: what each layer is the result of. Layers of the original, and of older versions, have no row. */
export class StepTable {
  readonly #statements: Statements;

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /** Those of layers that the database has. */
  all(): ReadonlyMap<LayerId, RecordedStep> {
    const found = new Map<LayerId, RecordedStep>();
    const rows = this.#statements
      .query(
        "SELECT s.id, s.op, s.heading, s.inputs, s.milliseconds FROM layer_steps s JOIN builds b ON b.id = s.id",
      )
      .all();
    for (const row of rows) {
      const id = String(row["id"]);
      const op = row["op"];
      if (!isLayerId(id) || (op !== "from" && op !== "run" && op !== "copy")) continue;
      found.set(id, {
        op,
        heading: String(row["heading"]),
        inputs: parseInputs(String(row["inputs"])),
        milliseconds: Number(row["milliseconds"]),
      });
    }
    return found;
  }

  record(id: LayerId, { op, heading, inputs }: LayerStep, milliseconds: number): void {
    this.#statements
      .query(
        "INSERT OR REPLACE INTO layer_steps (id, op, heading, inputs, milliseconds) VALUES (?, ?, ?, ?, ?)",
      )
      .run(id, op, heading, JSON.stringify(inputs), Math.round(milliseconds));
  }
}

function parseInputs(text: string): Readonly<Record<string, unknown>> {
  const inputs: unknown = JSON.parse(text);
  return typeof inputs === "object" && inputs !== null ? { ...inputs } : {};
}
