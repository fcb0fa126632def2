import { existsSync, globSync, readFileSync } from "node:fs";
import path from "node:path";
import { type DefaultTheme, defineConfig, type Plugin } from "vitepress";
import { repositoryUrl } from "./links.ts";
import { markdown } from "./markdown.ts";
import { decisionsFolder, groups } from "./sidebar.ts";

const docs = path.resolve(import.meta.dirname, "../../docs");

function sidebar(): DefaultTheme.SidebarItem[] {
  const pages = groups.map((group) => ({
    text: group.text,
    items: group.pages.map(([page, text]) => ({ text, link: page === "index" ? "/" : `/${page}` })),
  }));
  const reference = { text: "Reference of the packages", link: "/api/index.html", target: "_self" };
  return [
    ...pages,
    { text: "Decisions", link: `/${decisionsFolder}/`, collapsed: true, items: decisions() },
    ...(existsSync(path.join(docs, "api")) ? [reference] : []),
  ];
}

/** By their numbers, which their names begin with. */
function decisions(): DefaultTheme.SidebarItem[] {
  return globSync("[0-9]*.md", { cwd: path.join(docs, decisionsFolder) })
    .toSorted()
    .map((file) => {
      const [title = ""] = readFileSync(path.join(docs, decisionsFolder, file), "utf8").split("\n");
      return {
        text: title.replace(/^# /, ""),
        link: `/${decisionsFolder}/${path.basename(file, ".md")}`,
      };
    });
}

/** Pages are components, and above docs/ there is no `vue` to import: they get that of this package. */
const vueOfPages: Plugin = {
  name: "vue-of-pages",
  enforce: "pre",
  async resolveId(id, importer) {
    const isPage = /^vue(\/|$)/.test(id) && importer?.startsWith(docs);
    return isPage ? await this.resolve(id, path.join(import.meta.dirname, "config.ts")) : undefined;
  },
};

/** `OB_SITE_BASE=/obuilder/` builds for a host that serves the site below that path. */
export default defineConfig({
  title: "OBuilder in TypeScript",
  description: "Builds specs step by step in QEMU virtual machines, and reuses every layer.",
  lang: "en",
  // No picture is asked for.
  head: [["link", { rel: "icon", href: "data:," }]],
  base: process.env["OB_SITE_BASE"] ?? "/",
  srcDir: "../docs",
  // The reference of the packages is made by typedoc.
  srcExclude: ["api/**"],
  outDir: path.resolve(import.meta.dirname, "../dist"),
  cacheDir: path.resolve(import.meta.dirname, "../node_modules/.cache"),
  rewrites: { [`${decisionsFolder}/README.md`]: `${decisionsFolder}/index.md` },
  cleanUrls: true,
  markdown,
  vite: {
    plugins: [vueOfPages],
    // Mermaid is large, and loaded by the pages with a diagram only.
    build: { chunkSizeWarningLimit: 2000 },
  },
  themeConfig: {
    // The whole title is wider than the side bar.
    siteTitle: "OBuilder",
    sidebar: sidebar(),
    outline: [2, 3],
    search: { provider: "local" },
    socialLinks: [{ icon: "github", link: repositoryUrl }],
    editLink: { pattern: `${repositoryUrl}/edit/main/docs/:path`, text: "Edit this page" },
  },
});
