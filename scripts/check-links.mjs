// pnpm run links: checks that local links in Markdown files lead to files, and their anchors to headings. Opens no connection.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("..", import.meta.url));
const skipped = new Set(["node_modules", "dist", ".git", ".obuilder", ".turbo", "coverage", "api"]);

function* markdownFiles(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory() && !skipped.has(entry.name)) yield* markdownFiles(path);
    else if (entry.isFile() && entry.name.endsWith(".md")) yield path;
  }
}

/** The text without code blocks and code spans. */
function prose(text) {
  return text.replaceAll(/^( *)(```+|~~~+).*?^\1\2 *$/gms, "").replaceAll(/`[^`\n]*`/g, "");
}

/** The anchors that GitHub gives a file's headings. */
function anchorsOf(file) {
  const anchors = new Set();
  const text = readFileSync(file, "utf8").replaceAll(/^( *)(```+|~~~+).*?^\1\2 *$/gms, "");
  for (const [, heading] of text.matchAll(/^#{1,6} +(.*?) *$/gm)) {
    const base = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, "")
      .replaceAll(" ", "-");
    let anchor = base;
    for (let n = 1; anchors.has(anchor); n += 1) anchor = `${base}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** What is wrong with a link of a file, or undefined. */
function problemOf(file, link) {
  if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return undefined;
  const [path, anchor] = link.split("#");
  const target = path === "" ? file : join(dirname(file), decodeURI(path));
  if (relative(repository, target).startsWith("..")) return "points out of the repository";
  if (!existsSync(target)) return "target does not exist";
  if (anchor === undefined) return undefined;
  const document = statSync(target).isDirectory() ? join(target, "README.md") : target;
  return document.endsWith(".md") && existsSync(document) && anchorsOf(document).has(anchor)
    ? undefined
    : "anchor does not exist";
}

const files = [...markdownFiles(repository)];
const problems = [];
for (const file of files) {
  const text = prose(readFileSync(file, "utf8"));
  const inline = [...text.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)];
  const references = [...text.matchAll(/^ {0,3}\[[^\]]+\]: +<?(\S+?)>?(?: +".*")?$/gm)];
  for (const [, link] of [...inline, ...references]) {
    const problem = problemOf(file, link);
    if (problem !== undefined) problems.push(`${relative(repository, file)}: ${link} ${problem}`);
  }
}
for (const problem of problems) console.error(problem);
console.log(`${files.length} Markdown files, ${problems.length} broken links`);
process.exitCode = problems.length === 0 ? 0 : 1;
