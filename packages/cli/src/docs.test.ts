import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseImageManifest, storeLayout } from "@ob/core";
import { describe, expect, it } from "vitest";
import { readCommandLine } from "./args/parse.ts";
import { parseStoreLocation } from "./args/store-location.ts";
import { commonOptions } from "./args/options.ts";
import { commands } from "./commands/registry.ts";
import { plannedStepLine } from "./commands/plan.ts";
import { temporaryDirectory } from "./testing/directory.ts";
import {
  blocksOf,
  commandsIn,
  documents,
  obuilderArguments,
  repository,
  spansOf,
  textOf,
  wordsOf,
} from "./testing/documents.ts";
import { obuilder } from "./testing/run.ts";

const blocks = documents.flatMap((document) => blocksOf(document));
const inLanguage = (...languages: readonly string[]) =>
  blocks.filter(({ language }) => languages.includes(language));

/** Blocks that nothing here can check, by the beginning of their code. */
const unchecked: Readonly<Record<string, string>> = {
  '(build "tested" …)': "an abridged transcript; e2e/build.test.ts compares transcripts",
  "(from debian-12-amd64)\n---> using": "an abridged transcript; e2e/build.test.ts compares transcripts",
  "Build step failed:": "an abridged report; e2e/failure-report.test.ts compares one",
  "example.spec:2:20:": "packages/spec/src/editor/lint/lint-source.test.ts produces it",
  "vim.filetype.add": "settings of Neovim, which is not here",
  "(define-derived-mode": "settings of Emacs, which is not here",
  "hello.spec:3:7:": "packages/spec/src/docs.test.ts produces it",
  "text → tokens.ts": "a diagram of files; see `names files of the source layout`",
  "obuilder COMMAND": "a synopsis",
  "DIR/\n": "see `shows the directories of a store`",
  "flowchart TD": "a Mermaid diagram, for which there is no parser here",
  sequenceDiagram: "a Mermaid diagram, for which there is no parser here",
  "runs echo": "the output of the README's example; example.test.ts of the package runs it",
  "(from debian)\n": "the output of the README's example; example.test.ts of the package runs it",
  "# a comment\n": "see `has an ignore file that is read`",
  "user default off\n": "the users of Redis; packages/cluster/src/access.test.ts compares them",
  "Hello from the guest!": "the output of the README's example; example.test.ts of the package runs it",
  "pushed\npresent\n": "the output of the README's example; example.test.ts of the package runs it",
  "{ virtualSize:": "the output of the README's example; example.test.ts of the package runs it",
};

/** Command lines of other programs. */
const otherPrograms: Readonly<Record<string, string>> = {
  "skopeo copy": "copies images between registries and archives",
  "tail -F": "the path is of a running build; e2e/ reads it",
};

/** Options that sentences name and `obuilder` does not have. */
const otherOptions: Readonly<Record<string, string>> = {
  "docker-": "the original's, refused",
  "rsync-mode": "the original's, refused",
  "no-recursion": "GNU tar's",
  platform: "Docker's, answered with a hint",
};

/** True if the last word of `build --qemu-memory` is an option that needs a value. */
async function takesValue(span: string): Promise<boolean> {
  const [name = "", option = ""] = [span.split(" ")[0], span.split("--").at(-1)];
  const command = await commands[name]?.load();
  return command?.options[option]?.kind.startsWith("value") ?? false;
}

/** Fails with what is wrong in a command line. */
async function check(words: readonly string[]): Promise<void> {
  const args = obuilderArguments(words);
  if (args !== undefined) await readCommandLine(args, { columns: 80 });
  else if (/^(npm|pnpm|npx)$/.test(words[0] ?? "")) checkScript(words);
  else if (words[0] === "export") parseStoreLocation(words[1]?.replace(/^OBUILDER_STORE=/, ""));
  else if (words[0]?.startsWith("OB_E2E_IMAGES=")) checkTests(words);
  else expect(Object.keys(otherPrograms)).toContain(words.slice(0, 2).join(" "));
}

/** `npm run X`, `npm test`, `npx pnpm@10 --filter P X`, `pnpm run X`. */
function checkScript([, ...given]: readonly string[]): void {
  const words = given.filter((word) => !/^(pnpm@10|run)$/.test(word));
  const filter = words.indexOf("--filter");
  const [script = "", folder] =
    filter === -1
      ? [words[0], "."]
      : [words[filter + 2], words[filter + 1]?.replace("@ob/", "").replace(/^(?!images)/, "packages/")];
  const { scripts } = JSON.parse(readFileSync(path.join(repository, folder ?? "", "package.json"), "utf8"));
  expect([...Object.keys(scripts), "audit", "install", "test"]).toContain(script);
}

/** `OB_E2E_IMAGES=DIR npx vitest run FILE`, in e2e/. */
function checkTests(words: readonly string[]): void {
  expect(words.slice(1, 4)).toEqual(["npx", "vitest", "run"]);
  expect(existsSync(path.join(repository, "e2e", `${words.at(-1)}.test.ts`))).toBe(true);
}

describe("documents", () => {
  it("have no code but in fenced blocks of languages that are checked", () => {
    expect(documents.length).toBeGreaterThan(25);
    const languages = ["", "js", "json", "lisp", "mermaid", "sh", "text", "ts", "yaml"];
    expect(blocks.filter(({ language }) => !languages.includes(language))).toEqual([]);
    for (const document of documents) {
      const prose = textOf(document).replaceAll(/^```.*?^```$/gms, "");
      expect(prose, document).not.toMatch(/(?:^|\n)\n {4}\S/);
    }
  });

  it("have no unchecked block without a reason, and no reason without a block", () => {
    const plain = inLanguage("", "text", "mermaid").filter(({ code }) => !code.startsWith("$ "));
    const reasons = Object.keys(unchecked);
    for (const { document, line, code } of plain) {
      expect(
        reasons.some((start) => code.startsWith(start)),
        `${document}:${line}`,
      ).toBe(true);
    }
    expect(reasons.filter((start) => !plain.some(({ code }) => code.startsWith(start)))).toEqual([]);
  });
});

describe("command lines", () => {
  const shell = [...inLanguage("sh"), ...inLanguage("").filter(({ code }) => code.startsWith("$ "))];
  const lines = shell.flatMap(({ document, line, language, code }) =>
    commandsIn(language === "sh" ? code : (code.split("\n")[0] ?? "")).map((words) => ({
      place: `${document}:${line}: ${words.join(" ")}`,
      words,
    })),
  );

  it.for(lines)("in the block at $place are accepted", async ({ words }) => {
    await check(words);
  });

  it("in blocks are many", () => {
    expect(lines.filter(({ words }) => obuilderArguments(words) !== undefined).length).toBeGreaterThan(25);
  });

  const examples = Object.keys(commands).flatMap((name) =>
    (commands[name] === undefined ? [] : [commands[name]]).map((entry) => ({ name, entry })),
  );
  it.for(examples)("in the help of $name are accepted", async ({ entry }) => {
    for (const [line] of (await entry.load()).examples) await check(wordsOf(line));
  });
});

describe("sentences", () => {
  /** `build -f SPEC`, `obuilder build …`: what follows a command's name in backticks; without the brackets of a synopsis. */
  const words = (span: string) => wordsOf(span.replaceAll(/[[\]]/g, "").replaceAll(String.raw`\|`, "|"));
  const spans = documents
    .filter((document) => document !== "CHANGELOG.md")
    .flatMap((document) => spansOf(document).map((span) => ({ document, span })));

  const named = spans.filter(({ span }) => /^(npx )?(obuilder|npm|pnpm) (?!help COMMAND)/.test(span));
  it.for(named)("of $document name a command line that is accepted: $span", async ({ span }) => {
    await check(words(span));
  });

  const short = spans.filter(({ document, span }) => {
    const [name = "", next] = span.split(" ");
    const isCoreutils = name === "cp" && next?.startsWith("-");
    return Object.hasOwn(commands, name) && next && !isCoreutils && /^(docs\/|README)/.test(document);
  });
  it.for(short)("of $document name a command that is accepted: $span", async ({ span }) => {
    // A sentence may name an option without its value.
    const value = /--[a-z-]+$/.test(span) && (await takesValue(span)) ? ["1"] : [];
    await readCommandLine([...words(span), ...value], { columns: 80 });
  });

  it("name options that a command has, or another program", async () => {
    const loaded = await Promise.all(Object.values(commands).map((entry) => entry.load()));
    const known = [commonOptions, ...loaded.map(({ options }) => options)].flatMap((each) =>
      Object.keys(each),
    );
    const found = spans.flatMap(({ document, span }) => {
      const [, option] = /^--([a-z][a-z-]+)/.exec(span) ?? [];
      return option === undefined ? [] : [{ document, option }];
    });
    expect(found.length).toBeGreaterThan(80);
    const isKnown = (option: string) => known.some((name) => name.startsWith(option));
    expect(found.filter(({ option }) => !isKnown(option) && !(option in otherOptions))).toEqual([]);
  });
});

describe("specs", () => {
  // Those of docs/lint.md are wrong on purpose, or copy files that no directory here has; the tests of the rules check them.
  const planned = inLanguage("lisp").filter(({ document }) => document !== "docs/lint.md");
  it.for(planned)("at $document:$line can be planned", async ({ code }) => {
    await using directory = await temporaryDirectory();
    const spec = code.startsWith("((") ? code : `((from base)\n${code})`;
    const args = [
      "plan",
      "--json",
      `--store=qemu:${path.join(directory.path, "store")}`,
      "-f",
      "-",
      directory.path,
    ];
    const { code: status, stdout, stderr } = await obuilder(args, { stdin: spec });
    expect(status, stderr).toBe(0);
    expect(stdout.split("\n").length).toBeGreaterThan(2);
  });
});

describe("docs/spec.md", () => {
  it("has an ignore file that is read", async () => {
    const { code = "" } = inLanguage("").find(({ document }) => document === "docs/spec.md") ?? {};
    await using directory = await temporaryDirectory();
    const store = `--store=qemu:${path.join(directory.path, "store")}`;
    const plan = async (ignored: string) => {
      writeFileSync(path.join(directory.path, ".obuilderignore"), ignored);
      const spec = "((from base) (copy (src .) (dst /src)))";
      return await obuilder(["plan", "--json", store, "-f", "-", directory.path], { stdin: spec });
    };
    writeFileSync(path.join(directory.path, "x.o"), "");
    expect(await plan(code)).toMatchObject({ code: 0 });
    expect((await plan(code)).stdout).not.toBe((await plan("")).stdout);
    expect((await plan(`${code}[\n`)).code).not.toBe(0);
  });
});

describe("JSON", () => {
  const [manifest, plan, settings, ...others] = inLanguage("json")
    // A part of a manifest, whose tests are those of the package.
    .filter(({ document }) => document !== "packages/registry/README.md")
    .toSorted((a, b) => b.document.localeCompare(a.document));

  it("in docs/images.md is an image manifest", () => {
    expect(manifest?.document).toBe("docs/images.md");
    const digest = "0".repeat(64);
    const code = manifest?.code.replace(/"[0-9a-f]+…"/, `"${digest}"`) ?? "";
    expect(parseImageManifest(code, "NAME.json")).toMatchObject({ guestOs: "linux", sha256: digest });
  });

  it("in docs/cli.md is a line of `plan --json`", () => {
    expect(plan?.document).toBe("docs/cli.md");
    const step = JSON.parse(plan?.code ?? "");
    expect(Object.keys(JSON.parse(plannedStepLine(step)))).toEqual(Object.keys(step));
  });

  it("in docs/cli.md is a settings file", async () => {
    expect(settings?.document).toBe("docs/cli.md");
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, "obuilder.json");
    writeFileSync(file, settings?.code ?? "");
    const line = ["build", "--config", file, "."];
    const invocation = await readCommandLine(line, { columns: 80, env: {} });
    expect(invocation).toMatchObject({
      args: { jobs: "2", "step-timeout": "2h", "build-arg": ["VERSION=1.2"] },
    });
  });

  it("is in no other document", () => {
    expect(others).toEqual([]);
  });
});

describe("paths", () => {
  it("in docs/store.md shows the directories of a store", () => {
    const { code = "" } = inLanguage("").find(({ document }) => document === "docs/store.md") ?? {};
    const shown = [...code.matchAll(/[a-z-]+(?:\/[a-zA-Z.-]+)*/g)].map(([name]) => name);
    const { root, ...layout } = storeLayout("/store");
    const names = Object.values(layout).map((directory) => path.relative(root, directory));
    expect(
      names.filter((name) => !shown.some((each) => each === name || each.startsWith(`${name}/`))),
    ).toEqual([]);
  });
});
