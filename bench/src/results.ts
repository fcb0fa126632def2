/** A part of a step's time: a phase of the VM, or the work before and after it. */
export interface Part {
  readonly name: string;
  readonly milliseconds: number;
}

/** All measurements: samples by name, times in milliseconds, sizes in bytes. */
export class Results {
  readonly #samples = new Map<string, number[]>();
  readonly #timelines = new Map<string, (readonly Part[])[]>();

  add(name: string, sample: number): void {
    this.#samples.set(name, [...this.samples(name), sample]);
  }

  samples(name: string): readonly number[] {
    return this.#samples.get(name) ?? [];
  }

  /** The median of a metric; undefined if it was not measured. */
  median(name: string): number | undefined {
    return median(this.samples(name));
  }

  /** The quotient of two medians; undefined if one was not measured. */
  ratio(name: string, reference: string): number | undefined {
    const [a, b] = [this.median(name), this.median(reference)];
    return a === undefined || b === undefined ? undefined : a / b;
  }

  addTimeline(name: string, parts: readonly Part[]): void {
    this.#timelines.set(name, [...(this.#timelines.get(name) ?? []), parts]);
  }

  /** For each name the timeline with the median total. */
  timelines(): readonly { readonly name: string; readonly parts: readonly Part[] }[] {
    return [...this.#timelines].flatMap(([name, runs]) => {
      const sorted = runs.toSorted((a, b) => total(a) - total(b));
      const parts = sorted[Math.floor((sorted.length - 1) / 2)];
      return parts ? [{ name, parts }] : [];
    });
  }
}

export function total(parts: readonly Part[]): number {
  return parts.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
}

export function median(samples: readonly number[]): number | undefined {
  const sorted = samples.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
}
