// Looks at the built site in Chromium: in a wide window and in that of a phone, light and dark. Run by `npm run verify` after
// `npm run site`. OB_SCREENSHOTS=DIR keeps pictures of the pages, and of the recording at several times.
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { groups } from "../.vitepress/sidebar.ts";
import { pictureFile } from "./demo/places.ts";
import { serveSite } from "./serve-site.ts";

const windows = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
const pages = groups.flatMap((group) => group.pages.map(([page]) => (page === "index" ? "" : page)));
const pictures = process.env["OB_SCREENSHOTS"];

async function main(): Promise<void> {
  const { stdout: executablePath } = await execa(
    "sh",
    ["-c", "command -v chromium || command -v google-chrome"],
    {
      reject: false,
    },
  );
  if (executablePath === "") {
    console.log("SKIPPED: the site in a browser: chromium is missing");
    return;
  }
  if (pictures !== undefined) await mkdir(pictures, { recursive: true });
  await using site = await serveSite(path.resolve(import.meta.dirname, "../dist"));
  await using browser = await chromium.launch({ executablePath });
  const problems: string[] = [];
  for (const name of ["desktop", "phone"] as const) {
    for (const colorScheme of ["light", "dark"] as const) {
      await using context = await browser.newContext({ viewport: windows[name], colorScheme });
      const found = await problemsOf(context, { url: site.url, name: `${name}-${colorScheme}` });
      problems.push(...found.map((problem) => `${name}, ${colorScheme}: ${problem}`));
      console.log(`Looked at ${pages.length} pages: ${name}, ${colorScheme}`);
    }
  }
  if (problems.length > 0) throw new Error(problems.join("\n"));
}

interface Look {
  readonly url: string;
  /** For the names of pictures. */
  readonly name: string;
}

async function problemsOf(context: BrowserContext, { url, name }: Look): Promise<readonly string[]> {
  const problems: string[] = [];
  const page = await context.newPage();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`${page.url()}: ${error.message}`));
  page.on("request", (request) => {
    if (![url, "data:", `file://${pictureFile}`].some((own) => request.url().startsWith(own)))
      problems.push(`It asks for ${request.url()}.`);
  });
  for (const each of pages) {
    await page.goto(url + each, { waitUntil: "networkidle" });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (over > 0) problems.push(`/${each} is ${over} pixels too wide.`);
    await keep(page, `${name}-${each === "" ? "index" : each}`);
  }
  await page.goto(`${url}architecture`);
  await page.locator(".mermaid-diagram svg").nth(2).waitFor();
  await search(page);
  await keep(page, `${name}-search`);
  await recording(page, name);
  return problems;
}

/** By keyboard, without a server. */
async function search(page: Page): Promise<void> {
  await page.keyboard.press("Control+k");
  await page.locator("#localsearch-input").fill("max-used-space");
  await page.locator(".VPLocalSearchBox .results a", { hasText: "Making room" }).first().waitFor();
}

async function recording(page: Page, name: string): Promise<void> {
  await page.goto(`file://${pictureFile}`);
  for (const time of [3, 9, 15, 24]) {
    await page.evaluate((seconds) => {
      for (const animation of document.getAnimations()) {
        animation.pause();
        animation.currentTime = seconds * 1000;
      }
    }, time);
    await keep(page, `${name}-recording-${time}`);
  }
}

async function keep(page: Page, name: string): Promise<void> {
  if (pictures !== undefined) await page.screenshot({ path: path.join(pictures, `${name}.png`) });
}

await main();
