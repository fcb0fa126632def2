/** The last moment of the form, in milliseconds since 1970. */
const lastMoment = Date.UTC(9999, 11, 31, 23, 59, 59);
/** Its first one. */
const firstMoment = Date.parse("0000-01-01T00:00:00Z");

/**
 * The original's form, in UTC: `2024-01-31 23:59:59`. SQLite compares it as text, so what is outside of the years that have four
 * digits is the first or the last moment of those.
 */
export function formatDate(date: Date): string {
  const moment = Math.min(Math.max(date.getTime(), firstMoment), lastMoment);
  return new Date(moment).toISOString().slice(0, 19).replace("T", " ");
}

export function parseDate(text: string): Date {
  return new Date(`${text.replace(" ", "T")}Z`);
}
