/** The original's form, in UTC: `2024-01-31 23:59:59`. */
export function formatDate(date: Date): string {
  return date.toISOString().slice(0, 19).replace("T", " ");
}

export function parseDate(text: string): Date {
  return new Date(`${text.replace(" ", "T")}Z`);
}
