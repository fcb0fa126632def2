import { describe, expect, it } from "vitest";
import { planImage } from "../build/build-image.ts";
import { ocamlFromOpam, opamReleases, resolveOcaml } from "./ocaml-versions.ts";
import { type OcamlSupport, defineRecipe } from "./recipe.ts";
import { getRecipe, recipeNames } from "./registry.ts";

const make = (): never => {
  throw new Error("Nothing is made here.");
};
const withOcaml = (ocaml: OcamlSupport | undefined) =>
  defineRecipe({ name: "any", guestOs: "linux", guestArch: "amd64", supports: { ocaml }, make });
const opam = withOcaml(ocamlFromOpam(["4.14.2"], "Ubuntu's opam"));
const packaged = withOcaml({ versions: ["5.3.0"], from: "Debian 13's own packages" });

describe("a version of OCaml", () => {
  it.each(opamReleases)("%s of opam's repository can be built", (version) => {
    expect(resolveOcaml(version, opam)).toBe(version);
  });

  it.each([
    ["5.2", "5.2.1"],
    ["4.14", "4.14.4"],
    ["4.08", "4.08.1"],
  ])("%s is short for the newest release, %s", (short, version) => {
    expect(resolveOcaml(short, opam)).toBe(version);
  });

  it("that is short means what the recipe's own source has", () => {
    expect(resolveOcaml("5.3", packaged)).toBe("5.3.0");
  });

  it.each(["5.5.9", "5.6.0", "6.0.0", "5.10.0"])("%s may have appeared since", (version) => {
    expect(resolveOcaml(version, opam)).toBe(version);
    expect(() => resolveOcaml(version, packaged)).toThrow(`The recipe any has no OCaml ${version}.`);
  });

  it.each([
    "4.07.1",
    "5.2.9",
    "4.14.9",
    "5.6",
    "6",
    "5",
    "",
    "5.2.0~rc1",
    "5.2.0+ox",
    "5.6.0.0",
    "05.6.0",
    "5.6.0;x",
    "../x",
  ])("%j is refused with those that there are", (version) => {
    expect(() => resolveOcaml(version, opam)).toThrow(
      expect.objectContaining({
        code: "USAGE",
        hint: expect.stringMatching(/Ubuntu's opam: 4\.08\.0, .*, 5\.5\.1\.$/),
      }),
    );
  });

  it("is refused by a recipe without OCaml", () => {
    expect(() => resolveOcaml("5.3.0", withOcaml(undefined))).toThrow("no variant with OCaml");
  });
});

describe("the original's images", () => {
  it("are listed with the versions that the original builds now", () => {
    const names = recipeNames().filter((name) => name.includes("-ocaml-") && !name.startsWith("debian"));
    expect(names).toEqual([
      ...["ubuntu-noble-amd64-ocaml-4.14.2", "ubuntu-noble-amd64-ocaml-5.2.1"],
      ...["ubuntu-noble-riscv64-ocaml-4.14.2", "ubuntu-noble-riscv64-ocaml-5.2.1"],
      ...["openbsd-79-amd64-ocaml-4.14.4", "openbsd-79-amd64-ocaml-5.5.0"],
      ...["4.14.2", "5.3.0", "5.4.0"].map((version) => `windows-server-2022-amd64-ocaml-${version}`),
    ]);
    for (const name of names) {
      const [recipe = "", version = ""] = name.split("-ocaml-");
      expect(resolveOcaml(version, getRecipe(recipe))).toBe(version);
    }
  });

  it("have a short name too, which the image keeps", async () => {
    const short = await planImage({ recipe: "ubuntu-noble-amd64-ocaml-5.2" });
    expect(short).toMatchObject({ name: "ubuntu-noble-amd64-ocaml-5.2", parameters: { ocaml: "5.2.1" } });
    const flag = await planImage({ recipe: "openbsd-79-amd64", ocaml: "4.14" });
    expect(flag).toMatchObject({ name: "openbsd-79-amd64-ocaml-4.14", parameters: { ocaml: "4.14.4" } });
  });
});
