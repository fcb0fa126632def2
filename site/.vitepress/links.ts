import path from "node:path";

/** Where a file or folder of the repository is read that is no page of the site. */
export const repositoryUrl = "https://github.com/obuilder-ts/obuilder";

/** The page that is made of README.md, from docs/. */
const overview = "index.md";

/**
 * What a link of a document leads to on the site: a page of docs/ by its path from the root, anything else of the repository at
 * its host. `page` is the file from docs/; the overview has the links of README.md, which it includes.
 */
export function siteLink(href: string, page: string): string {
  if (/^([a-z][a-z0-9+.-]*:|#|\/)/i.test(href)) return href;
  const [file = "", anchor] = href.split("#");
  const target = inRepository(file, page);
  const fragment = anchor === undefined ? "" : `#${anchor}`;
  if (target === "README.md") return `/${fragment}`;
  const [, inDocs] = /^docs\/(.*)\.md$/.exec(target) ?? [];
  if (inDocs !== undefined) return `/${inDocs.replace(/(^|\/)README$/, "$1")}${fragment}`;
  return `${repositoryUrl}/blob/main/${target}${fragment}`;
}

/** A picture of a document as VitePress looks for it: relative to the page's own file. */
export function sitePicture(source: string, page: string): string {
  if (/^([a-z][a-z0-9+.-]*:|\/)/i.test(source)) return source;
  return `./${path.posix.relative(path.posix.dirname(`docs/${page}`), inRepository(source, page))}`;
}

function inRepository(file: string, page: string): string {
  const source = page === overview ? "README.md" : `docs/${page}`;
  return path.posix.join(path.posix.dirname(source), file);
}

/** The id that GitHub gives a heading, so that links work there and here. */
export function headingId(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, "")
    .replaceAll(" ", "-");
}
