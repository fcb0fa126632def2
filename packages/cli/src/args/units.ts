import { ObError } from "@ob/core";

const factors: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/**
 * A size such as `16`, `512M` or `1.5GiB`, in bytes. A number without a unit counts gibibytes, as the original's
 * `--qemu-memory 16` does.
 *
 * @param flag for the error.
 * @throws ObError `USAGE`.
 */
export function parseSize(text: string, flag: string): number {
  const match = /^(\d+(?:\.\d+)?)([kmgt]?)(?:i?b)?$/i.exec(text.trim());
  const factor = factors[(match?.[2] ?? "").toLowerCase() || "g"] ?? 0;
  const bytes = Math.round(Number(match?.[1]) * factor);
  if (bytes > 0 && Number.isSafeInteger(bytes)) return bytes;
  throw new ObError("USAGE", `${flag}: invalid size ${JSON.stringify(text)}.`, {
    hint: "A number of gibibytes such as 16, or one with a unit such as 512M or 2G.",
  });
}

/** As `parseSize`, but also `0`. */
export function parseSizeOrZero(text: string, flag: string): number {
  return /^0+$/.test(text.trim()) ? 0 : parseSize(text, flag);
}

const durationUnits: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/**
 * A duration such as `90s`, `12h`, `7d` or `2h30m`, in milliseconds.
 *
 * @throws ObError `USAGE`.
 */
export function parseDuration(text: string, flag: string): number {
  const isDuration = /^(?:\d+(?:\.\d+)?[smhdw])+$/i.test(text.trim());
  const parts = isDuration ? [...text.matchAll(/([\d.]+)([a-z])/gi)] : [];
  const milliseconds = parts.reduce(
    (sum, [, count, unit = ""]) => sum + Number(count) * (durationUnits[unit.toLowerCase()] ?? 0),
    0,
  );
  if (isDuration) return Math.round(milliseconds);
  throw new ObError("USAGE", `${flag}: invalid duration ${JSON.stringify(text)}.`, {
    hint: "A number and a unit: 45m, 12h, 7d or 2w.",
  });
}

/**
 * A whole number of at least `min`.
 *
 * @throws ObError `USAGE`.
 */
export function parseCount(text: string, flag: string, min: number): number {
  const count = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(count) && count >= min) return count;
  throw new ObError("USAGE", `${flag}: invalid number ${JSON.stringify(text)}.`, {
    hint: `A whole number, at least ${min}.`,
  });
}

/** A duration for people: `0.3s`, `12.4s`, `1m 03s`, `2h 05m`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 59_950) return `${(milliseconds / 1_000).toFixed(1)}s`;
  const seconds = Math.round(milliseconds / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m ${twoDigits(seconds % 60)}s`;
  return `${Math.floor(seconds / 3_600)}h ${twoDigits(Math.floor((seconds % 3_600) / 60))}m`;
}

/** A size for people: `512 B`, `4.0 KiB`, `12 MiB`, `1.5 GiB`. */
export function formatSize(bytes: number): string {
  const units = ["KiB", "MiB", "GiB", "TiB"];
  if (bytes < 1024) return `${bytes} B`;
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), units.length);
  // What rounds up to 1024 of a unit is 1 of the next.
  const value = bytes / 1024 ** power;
  if (value >= 1023.5 && power < units.length) return `1.0 ${units[power]}`;
  return `${value < 9.95 ? value.toFixed(1) : value.toFixed(0)} ${units[power - 1]}`;
}

/** How long ago, in the largest unit that fits: `0s`, `59s`, `45m`, `12h`, `3d`. */
export function formatAge(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
