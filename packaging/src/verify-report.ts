// Looks at a report in Chromium: in a wide window and in that of a phone, light and dark. The page is made by the command, of a
// build in a store that says all it can to get out of the page. OB_SCREENSHOTS=DIR keeps the pictures.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium } from "playwright-core";
import { keyboardProblems, problemsOf } from "./report/check-page.ts";
import { makeStore, sample } from "./report/sample-build.ts";
import { call } from "./tools.ts";
import { repository } from "./workspace.ts";

const windows = {
  desktop: { width: 1280, height: 900 },
  phone: { width: 390, height: 844 },
};

async function main(): Promise<void> {
  const executablePath = (
    await call("sh", ["-c", "command -v chromium || command -v google-chrome"]).catch(() => "")
  ).trim();
  if (executablePath === "") {
    console.log("SKIPPED: the report in a browser: chromium is missing");
    return;
  }
  const work = await mkdtemp(join(tmpdir(), "obuilder-report-"));
  try {
    const page = join(work, "build.html");
    const command = join(repository, "packages/cli/bin/obuilder-dev.js");
    const store = `--store=qemu:${await makeStore(work)}`;
    await call(process.execPath, [command, "report", store, "-o", page, sample.id]);
    const pictures = process.env["OB_SCREENSHOTS"] ?? work;
    await mkdir(pictures, { recursive: true });
    await using browser = await chromium.launch({ executablePath });
    for (const name of ["desktop", "phone"] as const) {
      for (const colorScheme of ["light", "dark"] as const) {
        const picture = join(pictures, `report-${name}-${colorScheme}.png`);
        await look(browser, page, { name, colorScheme, picture });
        console.log(`The report is right: ${name}, ${colorScheme}`);
      }
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

interface LookOptions {
  readonly name: keyof typeof windows;
  readonly colorScheme: "light" | "dark";
  readonly picture: string;
}

/** Fails with all that is wrong. */
async function look(
  browser: Browser,
  file: string,
  { name, colorScheme, picture }: LookOptions,
): Promise<void> {
  await using context = await browser.newContext({ viewport: windows[name], colorScheme });
  const page = await context.newPage();
  const own = pathToFileURL(file).href;
  const problems: string[] = [];
  // Violations of the policy are messages, too.
  page.on("console", (message) => problems.push(`Console: ${message.text()}`));
  page.on("pageerror", (error) => problems.push(`Error: ${error.message}`));
  page.on("request", (request) => {
    if (request.url() !== own) problems.push(`It asks for ${request.url()}.`);
  });
  await page.goto(own);
  await page.screenshot({ path: picture, fullPage: true });
  problems.push(...(await problemsOf(page)), ...(await keyboardProblems(page)));
  // With everything open, too.
  await page.locator("details").evaluateAll((all) => all.forEach((each) => each.setAttribute("open", "")));
  problems.push(...(await problemsOf(page)));
  if (problems.length > 0) throw new Error(`${name}, ${colorScheme}:\n${problems.join("\n")}`);
}

await main();
