/// <reference lib="dom" />
import type { Page } from "playwright-core";

/** The least contrast of text with what is behind it, and of a bar, by WCAG 2. */
const leastContrast = { text: 4.5, bar: 3 };

/** What is wrong with a report that a browser shows; nothing if it is as it should be. */
export async function problemsOf(page: Page): Promise<readonly string[]> {
  return [
    ...(await layoutProblems(page)),
    ...(await contentProblems(page)),
    ...(await contrastProblems(page)),
  ];
}

async function layoutProblems(page: Page): Promise<readonly string[]> {
  return await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    const wide =
      scrollWidth > clientWidth ? [`It is ${scrollWidth} wide in a window of ${clientWidth}.`] : [];
    const outside = Array.from(document.querySelectorAll("rect.whole, rect.phase")).filter((bar) => {
      const around = bar.closest("svg")?.getBoundingClientRect();
      const { left, right } = bar.getBoundingClientRect();
      return !around || left < around.left - 1 || right > around.right + 1;
    });
    return [...wide, ...(outside.length > 0 ? [`${outside.length} bars are outside of their lines.`] : [])];
  });
}

async function contentProblems(page: Page): Promise<readonly string[]> {
  return await page.evaluate(() => {
    const foreign = document.querySelectorAll("script, img, iframe, link, a, form, object, embed").length;
    const title = document.title.startsWith("Build ");
    const steps = document.querySelectorAll(".steps > li").length;
    return [
      ...(foreign > 0 ? [`${foreign} elements are not the page's own.`] : []),
      ...(title ? [] : [`Its title is ${document.title}.`]),
      ...(steps === 5 ? [] : [`It has ${steps} steps.`]),
    ];
  });
}

/** Texts and bars that cannot be told from the page. */
async function contrastProblems(page: Page): Promise<readonly string[]> {
  return await page.evaluate((least) => {
    const channels = (color: string) => Array.from(color.matchAll(/[\d.]+/g), ([digits]) => Number(digits));
    const luminance = (color: string) => {
      const [red = 0, green = 0, blue = 0] = channels(color).map((channel) => {
        const part = channel / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const contrast = (one: string, other: string) => {
      const [dark = 0, light = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
      return (light + 0.05) / (dark + 0.05);
    };
    const behind = getComputedStyle(document.body).backgroundColor;
    const texts = Array.from(
      document.querySelectorAll("body, dt, dd, .note, .end, .mark, h1 span, .axis text"),
    );
    const bars = Array.from(document.querySelectorAll("rect.phase"));
    const low = (elements: readonly Element[], property: "color" | "fill", limit: number) =>
      elements.flatMap((element) => {
        const name = element.getAttribute("class") ?? element.tagName;
        const used = element.tagName === "text" ? "fill" : property;
        const value = contrast(getComputedStyle(element)[used], behind);
        return value < limit ? [`${name} has a contrast of ${value.toFixed(2)} only.`] : [];
      });
    return Array.from(new Set([...low(texts, "color", least.text), ...low(bars, "fill", least.bar)]));
  }, leastContrast);
}

/** What the keyboard cannot do: reach a step, open it and close it. */
export async function keyboardProblems(page: Page): Promise<readonly string[]> {
  const first = page.locator(".steps > li > details").first();
  const isOpen = async (): Promise<boolean> => (await first.getAttribute("open")) !== null;
  await page.keyboard.press("Tab");
  const states = [await isOpen()];
  for (const key of ["Enter", "Space"]) {
    await page.keyboard.press(key);
    states.push(await isOpen());
  }
  return states.join() === "false,true,false"
    ? []
    : [`Tab, Enter and Space opened a step so: ${states.join()}.`];
}
