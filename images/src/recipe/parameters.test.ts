import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { planImage } from "../build/build-image.ts";
import { type ParameterRequest, readParameters } from "./parameters.ts";
import { defineRecipe } from "./recipe.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "parameters-"));
});
afterEach(() => rm(directory, { recursive: true }));

const gibibyte = 1024 ** 3;
const make = (): never => {
  throw new Error("Nothing is made here.");
};
const everything = defineRecipe({
  name: "everything",
  guestOs: "windows",
  guestArch: "amd64",
  supports: {
    diskSize: { default: 40 * gibibyte, min: 20 * gibibyte },
    ocaml: { versions: ["4.14.2", "5.2.0"], from: "opam" },
    packages: { from: "Cygwin" },
    iso: { what: "the maker's ISO", required: true },
    downloads: [
      { name: "virtio-win.iso", what: "drivers" },
      { name: "setup.exe", what: "an installer" },
    ],
  },
  make,
});
const plain = defineRecipe({ name: "plain", guestOs: "linux", guestArch: "amd64", make });

async function file(name: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, "");
  return path;
}

describe("parameters", () => {
  it("default to the recipe's values", async () => {
    expect(await readParameters({}, plain)).toEqual({
      ...{ ocaml: undefined, diskSize: 10 * gibibyte, user: "opam", packages: [], iso: undefined },
      from: new Map(),
    });
  });

  it("are passed on: packages sorted without duplicates, the disk size in whole mebibytes", async () => {
    const iso = await file("server.iso");
    const request = { iso, ocaml: "5.2.0", packages: ["m4", "git", "m4"], diskSize: 20 * gibibyte + 1 };
    expect(await readParameters(request, everything)).toMatchObject({
      ...{ iso, ocaml: "5.2.0", packages: ["git", "m4"], diskSize: 20 * gibibyte + 2 ** 20 },
    });
  });

  it("match a local file to its download, by the given name or the file's name", async () => {
    const iso = await file("server.iso");
    const [drivers, other] = [await file("virtio-win.iso"), await file("elsewhere")];
    const { from } = await readParameters({ iso, from: [drivers, `setup.exe=${other}`] }, everything);
    expect([...from]).toEqual([
      ["virtio-win.iso", drivers],
      ["setup.exe", other],
    ]);
  });

  const refused: readonly (readonly [string, ParameterRequest, string])[] = [
    ["an unsupported version of OCaml", { ocaml: "4.08" }, "has no OCaml 4.08"],
    ["a disk too small", { diskSize: gibibyte }, "too small"],
    ["a user with a blank", { user: "a b" }, "login user"],
    ["a package that is an option", { packages: ["--force"] }, "not the name of a package"],
    ["a missing ISO file", { iso: "/nowhere.iso" }, "/nowhere.iso"],
    ["a local file that matches no download", { from: ["/dev/null"] }, "does not download /dev/null"],
    ["no ISO", {}, "the maker's ISO"],
  ];
  it.each(refused)("are refused: %s", async (_, request, words) => {
    const iso = request.iso ?? (words.includes("maker") ? undefined : await file("server.iso"));
    await expect(readParameters({ ...request, iso }, everything)).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining(words),
    });
  });

  it.each([{ ocaml: "5.2.0" }, { packages: ["git"] }, { iso: "x.iso" }, { from: ["x"] }])(
    "are refused by a recipe that does not support them: %j",
    async (request) => {
      await expect(readParameters(request, plain)).rejects.toMatchObject({ code: "USAGE" });
    },
  );
});

describe("the name of an image", () => {
  it("has the version of OCaml as a suffix, however it was given", async () => {
    const bySuffix = await planImage({ recipe: "debian-12-amd64-ocaml-4.13.1" });
    const byFlag = await planImage({ recipe: "debian-12-amd64", ocaml: "4.13.1" });
    expect(bySuffix.name).toBe("debian-12-amd64-ocaml-4.13.1");
    expect(byFlag.name).toBe(bySuffix.name);
    expect(byFlag.parameters).toEqual(bySuffix.parameters);
  });

  it("can be chosen", async () => {
    expect((await planImage({ recipe: "debian-12-amd64", name: "mine" })).name).toBe("mine");
    await expect(planImage({ recipe: "debian-12-amd64", name: "../mine" })).rejects.toMatchObject({
      code: "USAGE",
    });
  });

  it.each([
    ["debian-12-amd46", "Did you mean debian-12-amd64?"],
    ["debian-12-amd64-ocaml-9", "Debian 12's own packages: 4.13.1"],
    ["plan9", "./my-image"],
  ])("without a recipe is refused, with similar names: %s", async (recipe, hint) => {
    await expect(planImage({ recipe })).rejects.toMatchObject({
      code: "USAGE",
      hint: expect.stringContaining(hint),
    });
  });

  it("cannot contradict the version of the flag", async () => {
    const planning = planImage({ recipe: "debian-12-amd64-ocaml-4.13.1", ocaml: "5.3.0" });
    await expect(planning).rejects.toMatchObject({ code: "USAGE" });
  });
});
