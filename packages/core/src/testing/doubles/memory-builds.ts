import { type BuildRecord, type BuildRecords, maxBuildRecords } from "../../ports/build-records.ts";

/** Build records that are kept in memory. */
export class MemoryBuilds implements BuildRecords {
  #records: readonly BuildRecord[] = [];

  add(record: BuildRecord): void {
    this.#records = [record, ...this.#records].slice(0, maxBuildRecords);
  }

  list(): readonly BuildRecord[] {
    return this.#records;
  }

  remove(ids: readonly string[]): number {
    const before = this.#records.length;
    this.#records = this.#records.filter(({ id }) => !ids.includes(id));
    return before - this.#records.length;
  }
}
