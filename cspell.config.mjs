// The spell checker of docs and comments. Its words are the glossary's and those of .cspell/words.txt.
import { readFileSync } from "node:fs";

const glossary = readFileSync(new URL("docs/glossary.md", import.meta.url), "utf8");

export default {
  version: "0.2",
  language: "en,en-GB",
  words: [...new Set(glossary.match(/\p{L}[\p{L}\p{N}]{3,}/gu))],
  dictionaryDefinitions: [{ name: "words", path: "./.cspell/words.txt", addWords: true }],
  dictionaries: ["words"],
  files: [
    "**/*.md",
    "packages/*/src/**/*.ts",
    "images/**/*.ts",
    "bench/src/**/*.ts",
    "e2e/**/*.ts",
    "scripts/*.mjs",
  ],
  ignorePaths: [
    "**/node_modules/**",
    "docs/api/**",
    "**/dist/**",
    "**/test-data/**",
    "packages/cli/bundle*/**",
    "**/*.generated.ts",
  ],
  overrides: [
    { filename: "**/*.{ts,mjs}", includeRegExpList: ["CStyleComment"] },
    // Code in comments and in documents is not prose.
    { filename: "**/*.{md,ts,mjs}", ignoreRegExpList: ["/`[^`\\n]*`/g", "/^ *```[^]*?^ *```/gm"] },
  ],
};
