/**
 * Replaces what the README has between `<!-- NAME -->` and `<!-- end -->`.
 *
 * @throws Error if it has no such place.
 */
export function replaceSection(readme: string, name: string, text: string): string {
  const begin = `<!-- ${name} -->`;
  const start = readme.indexOf(begin);
  const end = readme.indexOf("<!-- end -->", start);
  if (start === -1 || end === -1) throw new Error(`the README has no place for ${name}`);
  return `${readme.slice(0, start)}${begin}\n\n${text}\n\n${readme.slice(end)}`;
}
