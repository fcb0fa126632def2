import { ObError } from "@ob/core";
import type { OcamlSupport, Recipe } from "./recipe.ts";

/**
 * The releases of OCaml in opam's repository (`ocaml-base-compiler`), oldest first, as of November 2026. Those before 4.08 are
 * left out: they do not compile with today's C compilers.
 */
export const opamReleases: readonly string[] = [
  ...["4.08.0", "4.08.1", "4.09.0", "4.09.1", "4.10.0", "4.10.1", "4.10.2", "4.11.0", "4.11.1", "4.11.2"],
  ...["4.12.0", "4.12.1", "4.13.0", "4.13.1", "4.14.0", "4.14.1", "4.14.2", "4.14.3", "4.14.4"],
  ...["5.0.0", "5.1.0", "5.1.1", "5.2.0", "5.2.1", "5.3.0", "5.4.0", "5.4.1", "5.5.0", "5.5.1"],
];

/** OCaml of opam's repository. @param versions those that `image list` shows: the original's. */
export function ocamlFromOpam(versions: readonly string[], builtBy: string): OcamlSupport {
  return {
    versions,
    others: opamReleases,
    allowsNewer: true,
    from: `opam's repository, built by ${builtBy}`,
  };
}

/**
 * The version of OCaml that is asked for: `5.2.1`, or `5.2` for the newest release of that series that is known.
 *
 * @throws ObError `USAGE` with the versions that there are.
 */
export function resolveOcaml(asked: string, { name, supports }: Recipe): string {
  if (!supports.ocaml) throw new ObError("USAGE", `The recipe ${name} has no variant with OCaml.`);
  const { versions, others = [], from, allowsNewer = false } = supports.ocaml;
  const known = [...new Set([...versions, ...others])].toSorted(compareVersions);
  if (known.includes(asked)) return asked;
  const newest = known.findLast((version) => version.startsWith(`${asked}.`));
  if (newest !== undefined && /^\d+\.\d+$/.test(asked)) return newest;
  if (allowsNewer && isNewer(asked, known)) return asked;
  throw new ObError("USAGE", `The recipe ${name} has no OCaml ${asked}.`, {
    hint: `OCaml comes from ${from}: ${known.join(", ")}.`,
  });
}

/** True for a release that may have appeared since: of the newest two series, or of a newer one. */
function isNewer(asked: string, known: readonly string[]): boolean {
  if (!/^(?:0|[1-9]\d{0,2})\.\d{1,3}\.(?:0|[1-9]\d{0,2})$/.test(asked)) return false;
  const series = [...new Set(known.map(seriesOf))];
  const newestOfSeries = known.findLast((version) => seriesOf(version) === seriesOf(asked));
  if (newestOfSeries === undefined) return compareVersions(asked, known.at(-1) ?? "") > 0;
  return series.slice(-2).includes(seriesOf(asked)) && compareVersions(asked, newestOfSeries) > 0;
}

function seriesOf(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split(".").map(Number), b.split(".").map(Number)];
  for (const [index, part] of left.entries()) {
    const difference = part - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
