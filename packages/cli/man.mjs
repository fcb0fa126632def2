// Writes man/obuilder.1 and man/obuilder-COMMAND.1 from what the help is made of, when the package is packed. npm links them where the
// package is installed globally.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import remarkMan from "remark-man";
import { unified } from "unified";
import { exitCodeLines } from "./dist/exit-codes.js";
import { commonOptions } from "./dist/args/options.js";
import { commands } from "./dist/commands/registry.js";

const here = import.meta.dirname;
const { version } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));

const text = (value) => ({ type: "text", value });
const strong = (value) => ({ type: "strong", children: [text(value)] });
const emphasis = (value) => ({ type: "emphasis", children: [text(value)] });
/** Words of ours, in which backticks are as in Markdown. */
const prose = (value) =>
  value.split("`").map((part, index) => (index % 2 === 0 ? text(part) : { type: "inlineCode", value: part }));
const paragraph = (...children) => ({ type: "paragraph", children });
const heading = (depth, value) => ({ type: "heading", depth, children: [text(value)] });
const code = (value) => ({ type: "code", value });

/** The page of one name, its sections as Markdown's nodes. */
function page(name, summary, sections) {
  const children = [heading(1, `${name}(1) -- ${summary}`), ...sections];
  const processor = unified().use(remarkMan, { manual: "OBuilder Manual", version: `obuilder ${version}` });
  // A term and its definition are two lines of a paragraph in Markdown, and a tagged paragraph in man(7).
  return processor.stringify({ type: "root", children }).replaceAll(/^\.P\n(.+)\n\.br\n/gm, ".TP\n$1\n");
}

/** A section for each group of options, in the order of the table. */
function optionSections(options) {
  const shown = Object.entries({ ...options, ...commonOptions }).filter(([, { hidden }]) => !hidden);
  const groups = [...new Set(shown.map(([, { group }]) => group))];
  return [
    heading(2, "OPTIONS"),
    ...groups.flatMap((group) => [
      heading(3, group.replace(/:$/, "")),
      ...shown
        .filter(([, option]) => option.group === group)
        .map(([name, option]) => describeOption(name, option)),
    ]),
  ];
}

function describeOption(name, { short, value, describe }) {
  const forms = [
    ...(short === undefined ? [] : [strong(`-${short}`), text(", ")]),
    strong(name.length === 1 ? `-${name}` : `--${name}`),
    ...(value === undefined ? [] : [text(name.length === 1 ? " " : "="), emphasis(value)]),
  ];
  return paragraph(...forms, { type: "break" }, ...prose(`${describe}.`));
}

function argumentSections({ positionals, rest, actions = {} }) {
  const listed = (entries) =>
    entries.map(([name, describe]) => paragraph(strong(name), { type: "break" }, ...prose(`${describe}.`)));
  const words = [...positionals, ...(rest ? [rest] : [])].map(({ name, describe }) => [name, describe]);
  const done = Object.entries(actions).map(([action, { summary, positionals: own }]) => [
    [action, ...own.map(({ name }) => name)].join(" "),
    summary,
  ]);
  return [
    ...(done.length === 0 ? [] : [heading(2, "ACTIONS"), ...listed(done)]),
    ...(words.length === 0 ? [] : [heading(2, "ARGUMENTS"), ...listed(words)]),
  ];
}

function commandPage(name, { summary }, command) {
  const { positionals, rest, options, description, examples } = command;
  const words = [...positionals.map((each) => each.name), ...(rest ? [`[-- ${rest.name}...]`] : [])];
  return page(`obuilder-${name}`, lowerFirst(summary), [
    heading(2, "SYNOPSIS"),
    paragraph(strong(`obuilder ${name}`), text(" [options] "), emphasis(words.join(" "))),
    heading(2, "DESCRIPTION"),
    paragraph(...prose(description)),
    ...argumentSections(command),
    ...optionSections(options),
    heading(2, "EXAMPLES"),
    ...examples.flatMap(([line, what]) => [
      ...(what === "" ? [] : [paragraph(...prose(`${what}:`))]),
      code(line),
    ]),
    ...exitSection(),
    heading(2, "SEE ALSO"),
    paragraph(strong("obuilder"), text("(1)")),
  ]);
}

function topPage(shown) {
  return page("obuilder", "build specs in virtual machines", [
    heading(2, "SYNOPSIS"),
    paragraph(strong("obuilder"), text(" "), emphasis("COMMAND"), text(" [options]")),
    heading(2, "DESCRIPTION"),
    paragraph(text("Builds specs in virtual machines, and stores each step as a layer.")),
    heading(2, "COMMANDS"),
    ...shown.map(([name, { summary }]) =>
      paragraph(strong(`obuilder-${name}`), text("(1)"), { type: "break" }, ...prose(`${summary}.`)),
    ),
    ...optionSections({}),
    ...exitSection(),
  ]);
}

function exitSection() {
  return [
    heading(2, "EXIT STATUS"),
    ...exitCodeLines.map(([status, meaning]) => paragraph(strong(status), { type: "break" }, text(meaning))),
  ];
}

function lowerFirst(sentence) {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}

const target = join(here, "man");
rmSync(target, { recursive: true, force: true });
mkdirSync(target);
const shown = Object.entries(commands).filter(([, { alias = false }]) => !alias);
for (const [name, entry] of shown) {
  writeFileSync(join(target, `obuilder-${name}.1`), commandPage(name, entry, await entry.load()));
}
writeFileSync(join(target, "obuilder.1"), topPage(shown));
