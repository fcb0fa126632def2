import type { Campaign } from "./campaigns.ts";
import type { Round } from "./round.ts";
import { shape } from "./fault-cluster.ts";

/** The rounds of a campaign. */
export interface Played {
  readonly campaign: Campaign;
  readonly rounds: readonly Round[];
}

/** True if nothing was lost, redone or mixed. */
export function isClean({ rounds }: Played): boolean {
  return rounds.every(({ lost, redone, mixed, notTaken }) => lost + redone + mixed + notTaken === 0);
}

/** How long a takeover may last on an idle machine, in milliseconds. */
export const longestTakeover = 7_000;

/** True if no takeover lasted longer. */
export function isQuick(played: Played): boolean {
  return takeovers(played).every((each) => each <= longestTakeover);
}

const columns: readonly (readonly [title: string, cell: (played: Played) => string])[] = [
  ["fault", ({ campaign }) => campaign.title],
  ["times", ({ rounds }) => `${rounds.length}`],
  [
    "builds finished",
    ({ rounds }) =>
      `${rounds.length * shape.builds - sum(rounds, "lost")} of ${rounds.length * shape.builds}`,
  ],
  ["published layers made again", ({ rounds }) => `${sum(rounds, "redone")}`],
  ["layers pushed twice", ({ rounds }) => `${sum(rounds, "twice")}`],
  ["mixed versions", ({ rounds }) => `${sum(rounds, "mixed")}`],
  ["takeover p50", (played) => seconds(takeovers(played), 0.5)],
  ["max", (played) => seconds(takeovers(played), 1)],
  [
    "a round, median",
    ({ rounds }) =>
      seconds(
        rounds.map((round) => 1_000 * round.seconds),
        0.5,
      ),
  ],
];

export function faultTable(all: readonly Played[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const titles = columns.map(([title]) => title);
  const rows = all.map((played) => line(columns.map(([, cell]) => cell(played))));
  return [line(titles), line(titles.map(() => "---")), ...rows].join("\n");
}

function takeovers({ rounds }: Played): readonly number[] {
  return rounds.flatMap((round) => round.takeovers);
}

function sum(rounds: readonly Round[], field: "lost" | "redone" | "twice" | "mixed"): number {
  return rounds.reduce((total, round) => total + round[field], 0);
}

function seconds(milliseconds: readonly number[], share: number): string {
  const sorted = milliseconds.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  return value === undefined ? "-" : `${(value / 1_000).toFixed(1)} s`;
}
