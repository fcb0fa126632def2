import { posix } from "node:path";
import { RE2JS } from "re2js";

/** One pattern of an ignore file, with Docker's rules. */
export interface IgnorePattern {
  /** Its line in the file, from 1. */
  readonly line: number;
  /** As it is written, without blanks around it. */
  readonly text: string;
  /** True after `!`: what matches is not ignored. */
  readonly includes: boolean;
  /** @param path relative to the source directory, as in a manifest. */
  readonly matches: (path: string) => boolean;
  /** False if nothing below the directory can match, unless the directory or one above it matches. */
  readonly mayMatchBelow: (directory: string) => boolean;
}

/**
 * Reads a line of an ignore file.
 *
 * @returns undefined for a comment, a blank line and `.`; a text that says what is wrong with the pattern.
 */
export function parsePattern(line: string, number: number): IgnorePattern | string | undefined {
  if (line.startsWith("#")) return undefined;
  const text = line.trim();
  const includes = text.startsWith("!");
  const written = includes ? text.slice(1).trim() : text;
  if (written === "") return includes ? "there is nothing after the !" : undefined;
  const path = cleaned(written);
  if (path === ".") return undefined;
  const matches = matcherOf(path);
  if (typeof matches === "string") return matches;
  return { line: number, text, includes, matches, mayMatchBelow: depthOf(path) };
}

/** Without `.`, empty parts and slashes at the ends: all patterns start at the source directory. */
function cleaned(written: string): string {
  const path = posix.normalize(written);
  return path === "/" ? path : path.replaceAll(/^\/|\/$/g, "");
}

type Matcher = IgnorePattern["matches"];

/** Docker's own cases come first: of `**` at an end and nothing else, the rest is compared as it stands. */
function matcherOf(pattern: string): Matcher | string {
  if (!/[*?[\]\\]/.test(pattern)) return (path) => path === pattern;
  const [, suffix] = /^\*\*([^*?[\]\\]*)$/.exec(pattern) ?? [];
  if (suffix !== undefined) {
    return (path) => path.endsWith(suffix) || (suffix.startsWith("/") && path === suffix.slice(1));
  }
  const [, prefix] = /^([^*?[\]\\]*)\*\*$/.exec(pattern) ?? [];
  if (prefix !== undefined) return (path) => path.startsWith(prefix);
  const translated = toRegularExpression(pattern);
  return typeof translated === "string" ? translated : compile(translated);
}

interface Translated {
  readonly source: string;
  /** True if a backtracking engine needs at most quadratic time. */
  readonly isQuick: boolean;
}

const deep = /^\*\*\/?/;
/** A class: what Go's `filepath.Match` takes, which is also one of a regular expression. */
const characterClass = /^\[\^?(?:\\.|[^\]\\])(?:\\.|[^\]\\])*\]/s;

/** @returns a text that says what is wrong. */
function toRegularExpression(pattern: string): Translated | string {
  let source = "";
  let [unbounded, classes] = [0, 0];
  for (let rest = pattern; rest !== "";) {
    const [first = ""] = rest;
    let taken = first;
    const [stars] = deep.exec(rest) ?? [];
    if (stars !== undefined) {
      taken = stars;
      source += taken === rest ? "[^\\n]*" : "([^\\n]*/)?";
      unbounded += 1;
    } else if (first === "*") {
      source += "[^/]*";
      unbounded += 1;
    } else if (first === "?") {
      source += "[^/]";
    } else if (first === "[") {
      [taken] = characterClass.exec(rest) ?? [""];
      if (taken === "") return "its [ has no ]";
      source += taken;
      classes += 1;
    } else if (first === "\\") {
      const next = String.fromCodePoint(rest.codePointAt(1) ?? 0);
      if (rest.length === 1) return "there is nothing after its last \\";
      taken += next;
      source += quoted(next);
    } else source += quoted(first);
    rest = rest.slice(taken.length);
  }
  return { source: `^${source}$`, isQuick: classes === 0 && unbounded <= 2 };
}

function quoted(character: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}

/** RE2 takes linear time for any pattern, and the engine of JavaScript less for most. */
function compile({ source, isQuick }: Translated): Matcher | string {
  if (isQuick) {
    const expression = new RegExp(source, "u");
    return (path) => expression.test(path);
  }
  try {
    const expression = RE2JS.compile(source);
    return (path) => expression.matches(path);
  } catch {
    return "its [ ] is not a set of characters";
  }
}

/** See `mayMatchBelow`: what a pattern matches is as deep as the pattern, except with `**`. */
function depthOf(pattern: string): IgnorePattern["mayMatchBelow"] {
  const parts = pattern.split("/");
  const wild = parts.findIndex((part) => /[*?[\]\\]/.test(part));
  const start = `${parts.slice(0, wild === -1 ? undefined : wild).join("/")}/`;
  const isDeep = pattern.includes("**");
  return (directory) => {
    if (!isDeep && directory.split("/").length >= parts.length) return false;
    const below = `${directory}/`;
    return start === "/" || start.startsWith(below) || below.startsWith(start);
  };
}
