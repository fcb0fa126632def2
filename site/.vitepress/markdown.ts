import { readFileSync } from "node:fs";
import type { MarkdownOptions } from "vitepress";
import { headingId, siteLink, sitePicture } from "./links.ts";

const grammar = JSON.parse(
  readFileSync(new URL("../../editors/vscode/syntaxes/obuilder.tmLanguage.json", import.meta.url), "utf8"),
);

type MarkdownIt = Parameters<NonNullable<MarkdownOptions["config"]>>[0];

/** Specs are marked as `lisp`, which GitHub knows; here the grammar of the editors highlights them. */
export const markdown: MarkdownOptions = {
  // Nothing in a document is HTML: what looks like a tag is text.
  html: false,
  languages: [{ ...grammar, name: "lisp" }],
  languageLabel: { lisp: "spec" },
  anchor: { slugify: headingId },
  config: (md) => {
    dropIncludeMarks(md);
    moveLinks(md);
    keepWordsWhole(md);
    drawDiagrams(md);
  },
};

/** VitePress marks what it includes by comments, with the directory in which it is built. */
function dropIncludeMarks(md: MarkdownIt): void {
  md.core.ruler.before("normalize", "include-marks", (state) => {
    state.src = state.src.replaceAll(/^<!-- @include-(start|end).*-->$/gm, "");
    return true;
  });
}

/** Browsers break lines behind hyphens: an option would lose its dashes. */
function keepWordsWhole(md: MarkdownIt): void {
  const longest = 30;
  const { code_inline: render } = md.renderer.rules;
  md.renderer.rules.code_inline = (tokens, index, ...rest) => {
    const token = tokens[index];
    if (token !== undefined && token.content.length <= longest) token.attrJoin("class", "whole");
    return render?.(tokens, index, ...rest) ?? "";
  };
}

/** Before VitePress looks at links: they become those of the site. */
function moveLinks(md: MarkdownIt): void {
  md.core.ruler.push("site-links", ({ tokens, env }) => {
    const page: string = env.relativePath ?? "";
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      if (token.type === "link_open") token.attrSet("href", siteLink(token.attrGet("href") ?? "", page));
      if (token.type === "image") token.attrSet("src", sitePicture(token.attrGet("src") ?? "", page));
    }
    return true;
  });
}

/** A block of Mermaid is drawn in the browser. Its text is there without scripts, too. */
function drawDiagrams(md: MarkdownIt): void {
  const { fence } = md.renderer.rules;
  md.renderer.rules.fence = (tokens, index, ...rest) => {
    const token = tokens[index];
    if (token?.info.trim() === "mermaid")
      return `<MermaidDiagram source="${encodeURIComponent(token.content)}" />`;
    return fence?.(tokens, index, ...rest) ?? "";
  };
}
