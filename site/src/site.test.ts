import { existsSync, globSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { headingId, siteLink } from "../.vitepress/links.ts";
import { groups } from "../.vitepress/sidebar.ts";

const site = path.resolve(import.meta.dirname, "..");
const docs = path.resolve(site, "../docs");

it("has each page of docs/ in the side bar once", () => {
  const listed = groups.flatMap(({ pages }) => pages.map(([page]) => `${page}.md`));
  expect(listed.toSorted()).toEqual(globSync("*.md", { cwd: docs }).toSorted());
});

it.each([
  ["cli.md#names", "spec.md", "/cli#names"],
  ["../cli.md", "decisions/0005-libraries.md", "/cli"],
  ["README.md", "decisions/0005-libraries.md", "/decisions/"],
  ["docs/cli.md", "index.md", "/cli"],
  ["../README.md#try-it", "cli.md", "/#try-it"],
  [
    "../editors/vscode/README.md",
    "editors.md",
    "https://github.com/obuilder-ts/obuilder/blob/main/editors/vscode/README.md",
  ],
  ["packages/cli", "index.md", "https://github.com/obuilder-ts/obuilder/blob/main/packages/cli"],
  ["#names", "cli.md", "#names"],
  ["https://example.com/x", "cli.md", "https://example.com/x"],
])("leads %s in %s to %s", (href, page, expected) => {
  expect(siteLink(href, page)).toBe(expected);
});

it("gives headings the ids that GitHub gives them", () => {
  expect(headingId("Parallel builds (`build`)".replaceAll("`", ""))).toBe("parallel-builds-build");
  expect(headingId("What is in it, and what not")).toBe("what-is-in-it-and-what-not");
});

describe("the built site", () => {
  let directory = "";
  const text = (file: string) => readFileSync(path.join(directory, file), "utf8");
  const pages = () => globSync("**/*.html", { cwd: directory }).filter((file) => file !== "404.html");

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "obuilder-site-"));
    const vitepress = path.join(site, "node_modules/vitepress/bin/vitepress.js");
    const { exitCode, all } = await execa(
      process.execPath,
      [vitepress, "build", site, "--outDir", directory],
      // A runner's own mode is not that of a build.
      { reject: false, all: true, env: { NODE_ENV: "production", VITEST: undefined } },
    );
    // Links that lead to no page fail it.
    if (exitCode !== 0) throw new Error(`The site cannot be built:\n${all}`);
  });
  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it("has a page for each document", () => {
    const documents = globSync("{*,decisions/*}.md", { cwd: docs });
    const expected = documents.map((file) =>
      file.replace(/README\.md$/, "index.md").replace(/\.md$/, ".html"),
    );
    expect(pages().toSorted()).toEqual(expected.toSorted());
  });

  it("has links that lead to pages, and to headings of them", () => {
    const ids = new Map(
      pages().map((page) => [page, new Set([...text(page).matchAll(/\bid="([^"]+)"/g)].map(([, id]) => id))]),
    );
    const problems = pages().flatMap((page) => {
      const body = /<main.*?<\/main>/s.exec(text(page))?.[0] ?? "";
      const links = [...body.matchAll(/<a\b[^>]*? href="((?:\/|#)[^"]*)"/g)].map(([, href = ""]) => href);
      return links
        .filter((href) => {
          const [target = "", id] = href.split("#");
          const file =
            target === ""
              ? page
              : target
                  .slice(1)
                  .replace(/(^|\/)$/, "$1index")
                  .replace(/$/, ".html");
          const known = ids.get(file);
          return known === undefined || (id !== undefined && id !== "" && !known.has(decodeURIComponent(id)));
        })
        .map((href) => `${page}: ${href}`);
    });
    expect(problems).toEqual([]);
    expect(ids.size).toBeGreaterThan(30);
  });

  it("loads nothing from elsewhere", () => {
    for (const page of pages()) {
      const loaded = [...text(page).matchAll(/<(?:script|link|img|iframe)\b[^>]*? (?:src|href)="([^"]*)"/g)];
      expect(
        loaded.filter(([, from = ""]) => !/^(\/|data:)/.test(from)),
        page,
      ).toEqual([]);
    }
    for (const style of globSync("assets/*.css", { cwd: directory }))
      expect(text(style)).not.toMatch(/(@import|url\()\s*["']?https?:/);
  });

  it("has the recording of the README on its first page, and nothing of the place where it was built", () => {
    const [, picture = ""] = /<img src="(\/assets\/demo\.[^"]+\.svg)"/.exec(text("index.html")) ?? [];
    expect(existsSync(path.join(directory, picture))).toBe(true);
    for (const page of pages()) expect(text(page)).not.toContain(path.dirname(site));
  });

  it("highlights specs as editors do", () => {
    const [, block = ""] = /<div class="language-lisp.*?<pre(.*?)<\/pre>/s.exec(text("spec.html")) ?? [];
    const colors = new Set(block.match(/--shiki-light:#[0-9A-Fa-f]+/g));
    expect(colors.size).toBeGreaterThan(3);
  });

  it("finds words without a server", () => {
    const [index = ""] = globSync("assets/chunks/*localSearchIndex*.js", { cwd: directory });
    expect(text(index)).toContain("--max-used-space".slice(2, 5));
    expect(text(index)).toContain("Making room");
  });
});
