import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** Random numbers that depend on the seed alone. */
export class Random {
  readonly #generator: ReturnType<typeof xoroshiro128plus>;

  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed);
    // The first numbers of near seeds are alike.
    for (let draw = 0; draw < 32; draw++) this.uniform();
  }

  /** At least 0, less than 1. */
  uniform(): number {
    return uniformFloat64(this.#generator);
  }

  /** An integer from 0 to `count - 1`. */
  index(count: number): number {
    return Math.min(count - 1, Math.floor(this.uniform() * count));
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.uniform());
  }

  logNormal(median: number, sigma: number): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return median * Math.exp(sigma * radius * Math.cos(2 * Math.PI * this.uniform()));
  }
}

/** Draws the indices of a list of weights as often as these say. */
export function weighted(weights: readonly number[], random: Random): () => number {
  const sums: number[] = [];
  let sum = 0;
  for (const weight of weights) sums.push((sum += weight));
  return () => {
    const wanted = random.uniform() * sum;
    let [low, high] = [0, sums.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** Draws from 0 to `count - 1`, the first most often. */
export function zipf(count: number, exponent: number, random: Random): () => number {
  return weighted(
    Array.from({ length: count }, (_, index) => (index + 1) ** -exponent),
    random,
  );
}
