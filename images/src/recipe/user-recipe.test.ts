import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ImageRequest, planImage } from "../build/build-image.ts";
import type { RecipeContext } from "./recipe.ts";
import { isFolder, loadRecipe } from "./user-recipe.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "recipe-"));
});
afterEach(() => rm(folder, { recursive: true }));

const example = join(import.meta.dirname, "../../../examples/own-image");

const whole = `export const recipe = {
  name: "mine", guestOs: "linux", guestArch: "amd64",
  async make() { throw new Error("not here"); },
};`;

async function recipeOf(text: string, file = "recipe.mjs"): Promise<string> {
  await writeFile(join(folder, file), text);
  return folder;
}

describe("a user's recipe", () => {
  it("is a folder if the argument contains a slash, otherwise a name", () => {
    expect(["./mine", "/tmp/mine", "..", "."].every(isFolder)).toBe(true);
    expect(["mine", "debian-12-amd64-ocaml-4.13.1"].some(isFolder)).toBe(false);
  });

  it("has default parameters where it defines none", async () => {
    const recipe = await loadRecipe(await recipeOf(whole));
    expect(recipe).toMatchObject({ name: "mine", supports: { user: { default: "opam" } } });
  });

  it("makes the image outdated when its text changes", async () => {
    const fingerprintOf = async (text: string): Promise<string> => {
      const other = join(folder, text.length.toString());
      await mkdir(other);
      await writeFile(join(other, "recipe.mjs"), text);
      const { recipe, parameters } = await planImage({ recipe: other });
      return JSON.stringify(await recipe.fingerprint(parameters));
    };
    expect(await fingerprintOf(whole)).not.toBe(await fingerprintOf(`${whole}\n// another`));
  });

  it.each([
    ["export const other = 1;", "exports no `recipe`"],
    ['export const recipe = { name: "mine" };', "without `guestOs`"],
    ['export const recipe = { name: "mine", guestOs: "linux", guestArch: "amd64" };', "without `make`"],
    [whole.replace('"linux"', '"Plan 9"'), "Plan 9"],
    [whole.replace('"mine"', '"my image"'), "my image"],
    ["export const recipe = ;", "cannot be loaded"],
  ])("is refused with a reason: %s", async (text, words) => {
    await expect(loadRecipe(await recipeOf(text))).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining(words),
    });
  });

  const withFields = (fields: string) => whole.replace("guestArch", `${fields}, guestArch`);

  it.each([
    ["trial: { memoryMib: 512 }", "trial", "Its name is now smokeTest."],
    ["suports: {}", "suports", "Did you mean supports?"],
    ["smokeTest: { memory: 512 }", "smokeTest.memory", "Did you mean memoryMib?"],
    ["supports: { diskSize: { default: 1, least: 1 } }", "supports.diskSize.least", "Its name is now min."],
    [
      "supports: { downloads: [{ name: 'x', url: 'y' }] }",
      "supports.downloads.url",
      "There are: name, what.",
    ],
    ["toString: 1", "toString", "There are: name, "],
  ])("is refused with a suggestion for a property that nothing reads: %s", async (fields, path, hint) => {
    await expect(loadRecipe(await recipeOf(withFields(fields)))).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringMatching(new RegExp(`recipe\\.mjs has an unknown property: ${path}\\.$`)),
      hint: expect.stringContaining(hint),
    });
  });

  it("may have a property that is undefined", async () => {
    expect((await loadRecipe(await recipeOf(withFields("trial: undefined")))).name).toBe("mine");
  });

  const returning = (fields: string) =>
    whole.replace('throw new Error("not here");', `return { disk: "/d", virtualSize: 1, ${fields} };`);

  it.each([
    ["announcesReady: true", "announcesReady", "Its name is now readyMarker."],
    ['resumes: ["initrd"]', "resumes", "Its name is now snapshotPoints."],
    [
      'directBoot: { kernel: "/k", append: "" }',
      "directBoot.append",
      "There are: kernel, initrd, commandLine.",
    ],
  ])("must not return such a property from `make`: %s", async (fields, path, hint) => {
    const recipe = await loadRecipe(await recipeOf(returning(fields)));
    await expect(recipe.make({} as RecipeContext)).rejects.toMatchObject({
      code: "USAGE",
      message: `What \`make\` of ${join(folder, "recipe.mjs")} returned has an unknown property: ${path}.`,
      hint,
    });
  });

  it("returns what its `make` returned", async () => {
    const recipe = await loadRecipe(await recipeOf(returning("readyMarker: true")));
    expect(await recipe.make({} as RecipeContext)).toEqual({ disk: "/d", virtualSize: 1, readyMarker: true });
  });

  it("must exist", async () => {
    await expect(loadRecipe(folder)).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("There is no recipe.ts"),
    });
  });
});

/** Plans a recipe in a separate Node.js process, because vitest resolves imports by its own rules. */
async function planInNode(
  request: ImageRequest,
): Promise<{ readonly name: string; readonly script: string }> {
  const index = JSON.stringify(join(import.meta.dirname, "../index.ts"));
  const program = `import { planImage } from ${index};
const { name, recipe, parameters } = await planImage(${JSON.stringify(request)});
console.log(JSON.stringify({ name, script: recipe.expectations?.(parameters) ?? "" }));`;
  const node = [process.execPath, "--conditions=@ob/source", "--input-type=module", "-e", program] as const;
  const planned: { readonly name: string; readonly script: string } = JSON.parse((await run(node)).stdout);
  return planned;
}

describe("the example in examples/own-image", () => {
  it("adds its packages to Debian's, has Debian's parameters, and needs no installation of this package", async () => {
    const { name, script } = await planInNode({
      recipe: example,
      packages: ["jq"],
      ocaml: "5.3.0",
      user: "ci",
    });
    expect(name).toBe("our-debian-13-amd64-ocaml-5.3.0");
    expect(script).toContain("for package in ca-certificates git make jq; do");
    expect(script).toContain("= ci:1000");
    expect(script).toContain("git --version");
  });
});

describe("the code in docs/images.md", () => {
  it("can be loaded, and its first block is the example", async () => {
    const text = await readFile(join(import.meta.dirname, "../../../docs/images.md"), "utf8");
    const shown = [...text.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code = ""]) => code);
    const names = [];
    for (const [index, code] of shown.entries()) {
      const place = join(folder, `${index}`);
      await mkdir(place);
      await writeFile(join(place, "recipe.ts"), code);
      names.push((await planInNode({ recipe: place })).name);
    }
    expect(names).toEqual(["our-debian-13-amd64", "appliance"]);
    const withoutComments = (await readFile(join(example, "recipe.ts"), "utf8")).replace(
      /^ *\/[/*].*\n/gm,
      "",
    );
    expect(shown[0]).toBe(withoutComments);
  });
});
