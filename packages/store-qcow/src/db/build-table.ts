import {
  type BuildOutcome,
  type BuildRecord,
  type BuildRecords,
  isLayerId,
  maxBuildRecords,
  type Phase,
  type PhaseTime,
  type StepOutcome,
  type StepRecord,
  toStoreError,
  type VmStart,
} from "@ob/core";
import type { Statements } from "./statements.ts";

/**
 * The table `build_records`: the builds that have ended. A row is written by one statement, with its steps as JSON. What
 * another version has written, and this one does not understand, is skipped.
 */
export class BuildTable implements BuildRecords {
  readonly #statements: Statements;

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  add(record: BuildRecord): void {
    const { id, spec, context, started, finished, outcome, layer, errorCode, steps } = record;
    const times = [started, finished].map((time) => time.toISOString());
    const result = [outcome, layer ?? null, errorCode ?? null, JSON.stringify(steps)];
    guard("record the build", () => {
      this.#statements.transaction(() => {
        this.#statements.query(insertion).run(id, spec, context, ...times, ...result);
        const count = this.#statements.query("SELECT count(*) AS count FROM build_records").get()?.["count"];
        if (Number(count) > maxBuildRecords) this.#statements.query(trimming).run(maxBuildRecords);
      });
    });
  }

  list(): readonly BuildRecord[] {
    const query = "SELECT * FROM build_records ORDER BY rowid DESC";
    const rows = guard("read the builds", () => this.#statements.query(query).all());
    return rows.flatMap((row) => readRecord(row) ?? []);
  }

  remove(ids: readonly string[]): number {
    let removed = 0;
    guard("remove builds", () => {
      this.#statements.transaction(() => {
        const statement = this.#statements.query("DELETE FROM build_records WHERE id = ?");
        for (const id of ids) removed += Number(statement.run(id).changes);
      });
    });
    return removed;
  }
}

function guard<T>(doing: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw toStoreError(error, doing);
  }
}

const insertion =
  "INSERT INTO build_records (id, spec, context, started, finished, outcome, layer, error_code, steps) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";

// Not by their times: after the clock was set back, those would be in the future, and each new build would be the one to go.
const trimming =
  "DELETE FROM build_records WHERE id NOT IN (SELECT id FROM build_records ORDER BY rowid DESC LIMIT ?)";

const outcomes: readonly BuildOutcome[] = ["succeeded", "failed", "cancelled"];
const stepOutcomes: readonly StepOutcome[] = ["saved", "cached", "failed", "cancelled", "unfinished"];
const phases: readonly Phase[] = ["boot", "login", "mount", "copy", "run", "flush", "stop", "commit"];
const vmStarts: readonly VmStart[] = ["boot", "resume", "reuse", "warm"];

type Row = Readonly<Record<string, unknown>>;

function readRecord(row: Row): BuildRecord | undefined {
  const outcome = outcomes.find((each) => each === row["outcome"]);
  const steps = readSteps(String(row["steps"]));
  if (outcome === undefined || steps === undefined) return undefined;
  const { layer, error_code: errorCode } = row;
  return {
    id: String(row["id"]),
    spec: String(row["spec"]),
    context: String(row["context"]),
    started: new Date(String(row["started"])),
    finished: new Date(String(row["finished"])),
    outcome,
    steps,
    ...(typeof layer === "string" && isLayerId(layer) && { layer }),
    ...(typeof errorCode === "string" && { errorCode }),
  };
}

function readSteps(text: string): readonly StepRecord[] | undefined {
  try {
    const found: unknown = JSON.parse(text);
    const steps = Array.isArray(found) ? found.map((each: unknown) => readStep(asRow(each))) : [undefined];
    const known = steps.flatMap((step) => step ?? []);
    return known.length === steps.length ? known : undefined;
  } catch {
    return undefined;
  }
}

function readStep(step: Row): StepRecord | undefined {
  const { id, op, heading, build, start, milliseconds, bytes, vmReason } = step;
  const outcome = stepOutcomes.find((each) => each === step["outcome"]);
  const vmStart = vmStarts.find((each) => each === step["vmStart"]);
  if (typeof id !== "string" || !isLayerId(id) || outcome === undefined) return undefined;
  if (op !== "from" && op !== "run" && op !== "copy") return undefined;
  return {
    ...{ id, op, outcome, heading: String(heading), start: Number(start) },
    milliseconds: Number(milliseconds),
    build: Array.isArray(build) ? build.map(String) : [],
    phases: readPhases(step["phases"]),
    ...(vmStart && { vmStart }),
    ...(typeof vmReason === "string" && { vmReason }),
    ...(typeof bytes === "number" && { bytes }),
  };
}

function readPhases(found: unknown): readonly PhaseTime[] {
  if (!Array.isArray(found)) return [];
  return found.flatMap((each: unknown) => {
    const row = asRow(each);
    const phase = phases.find((known) => known === row["phase"]);
    return phase === undefined
      ? []
      : { phase, start: Number(row["start"]), milliseconds: Number(row["milliseconds"]) };
  });
}

function asRow(value: unknown): Row {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
