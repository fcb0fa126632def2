import { mkdir, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../testing/directory.ts";
import { obuilder, fakeServices } from "../../testing/run.ts";

/** A store with images of these names, each a file without anything in it. */
async function storeWith(...names: readonly string[]) {
  const directory = await temporaryDirectory();
  const images = path.join(directory.path, "base-image");
  await mkdir(images);
  for (const name of names) await writeFile(path.join(images, `${name}.qcow2`), "");
  return { ...directory, images, flag: `--store=qemu:${directory.path}` };
}

const services = fakeServices();

describe("image list", () => {
  it("shows the images of the store, then those that can be built", async () => {
    await using store = await storeWith("mine");
    const { code, stdout } = await obuilder(["image", "list", store.flag], { services });
    expect(code).toBe(0);
    const [head, first] = stdout.split("\n");
    expect(head).toMatch(/^NAME +GUEST +SIZE +CREATED +STATE$/);
    expect(first).toMatch(/^mine +\? +0 B +\ds ago +no manifest$/);
    expect(stdout).toMatch(/^debian-12-amd64 +linux\/amd64 +not built$/m);
    expect(stdout).toMatch(/^debian-12-amd64-ocaml-4\.13\.1 /m);
  });

  it("prints one object per line with --json", async () => {
    await using store = await storeWith("mine");
    const { stdout } = await obuilder(["image", "list", "--json", store.flag], { services });
    const [mine, ...others] = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(mine).toMatchObject({ name: "mine", state: "no-manifest", guest: null, bytes: 0 });
    expect(others).toContainEqual({
      ...{ name: "debian-13-riscv64", state: "not-built", guest: { os: "linux", arch: "riscv64" } },
      ...{ bytes: null, made: null },
    });
  });
});

describe("image rm", () => {
  it("removes an image", async () => {
    await using store = await storeWith("mine");
    const result = await obuilder(["image", "rm", "mine", store.flag], { services });
    expect(result).toEqual({ code: 0, stdout: "Removed mine.\n", stderr: "" });
    expect(await readdir(store.images)).toEqual([]);
  });

  it("suggests a near name", async () => {
    await using store = await storeWith("debian-12");
    const result = await obuilder(["image", "rm", "debian-13", store.flag], { services });
    expect(result).toMatchObject({ code: 4, stdout: "" });
    expect(result.stderr).toContain("Did you mean debian-12?");
  });
});

describe("image", () => {
  it.each([
    [["image"], "list, build, check, import, push, pull, rm"],
    [["image", "biuld"], "Did you mean build?"],
    [["image", "build"], "obuilder image build NAME|FOLDER"],
    [["image", "list", "mine"], "takes no name"],
    [["image", "build", "debian-12-amd46"], "Did you mean debian-12-amd64?"],
    [["image", "build", "debian-12-amd64", "--ocaml", "4.08"], "4.13.1"],
    [["image", "build", "debian-12-amd64", "--disk-size", "1M"], "too small"],
    [["image", "build", "debian-12-amd64", "--iso", "x"], "does not use an ISO"],
    [["image", "build", "./no-such-folder"], "There is no recipe.ts"],
    [["image", "import", "disk"], "needs --name"],
    [["image", "import", "disk", "--name", "mine"], "needs --guest-os"],
    [["image", "import", "disk", "--name", "m", "--guest-os", "linx"], "Did you mean linux?"],
    [
      [
        ...["image", "import", "disk", "--name", "m", "--guest-os", "linux"],
        "--guest-arch=amd64",
        "--append=x",
      ],
      "--kernel",
    ],
  ])("refuses %j", async (argv, words) => {
    await using store = await storeWith();
    const result = await obuilder([...argv, store.flag], { services });
    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toContain(words);
    expect(await readdir(store.images)).toEqual([]);
  });
});
