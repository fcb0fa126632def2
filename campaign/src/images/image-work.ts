// A process that works on the images of a store: `image-work.ts DIRECTORY FIXTURES import|pull|build|rm VERSION`. It prints `saved VERSION`, or `gone`.
// The campaigns kill it.
import { writeSync } from "node:fs";
import { copyFile, readFile } from "node:fs/promises";
import path from "node:path";
import { isObError, sha256File, type StartSmokeTest } from "@ob/core";
import { addSharedImage, buildImage, importImage, removeImage } from "@ob/images";
import { defineRecipe, download } from "@ob/images/toolkit";
import { openRegistry } from "@ob/registry";
import { type Fixtures, imageName } from "./fixtures.ts";

const say = (line: string): void => void writeSync(1, `${line}\n`);

/** A guest in which every check passes. */
const startSmokeTest: StartSmokeTest = async () => ({
  rootAccess: "sudo needs no password",
  checks: [],
  run: async () => ({ status: 0, stdout: "", stderr: "" }),
  speed: async () => ({
    first: { kind: "booted", why: "guest-os" },
    further: { kind: "started", why: "guest-os" },
    possiblePoints: [],
  }),
  powerOff: async () => "acpi",
  [Symbol.asyncDispose]: async () => undefined,
});

async function work([
  store = "",
  fixturesFile = "",
  command = "",
  version = "",
]: readonly string[]): Promise<void> {
  const fixtures: Fixtures = JSON.parse(await readFile(fixturesFile, "utf8"));
  const at = (name: string): string => path.join(fixtures.directory, version, name);
  const tools = { store, startSmokeTest, resolveCpuArgs: async () => [] };
  const append = `version=${version}`;
  switch (command) {
    case "import":
      await importImage(
        {
          ...{
            file: at("disk.qcow2"),
            name: imageName,
            guestOs: "linux",
            guestArch: "amd64",
            loginUser: "opam",
          },
          ...{ sshKey: at("key"), kernel: at("kernel"), initrd: at("initrd"), append, check: true },
        },
        tools,
      );
      break;
    case "pull": {
      await using registry = openRegistry({ ref: `${fixtures.registry}/images` });
      const image = await registry.findImage(version);
      if (!image) throw new Error(`the registry has no ${version}`);
      await addSharedImage(store, {
        name: imageName,
        fetch: async (target) => (await registry.pullImage(image, target))?.manifest ?? "",
      });
      break;
    }
    case "build": {
      const recipe = await recipeOf(at, { append, source: fixtures.downloads });
      const parameters = {
        ...{ ocaml: undefined, diskSize: 2 ** 24, user: "opam", packages: [version], iso: undefined },
        from: new Map<string, string>(),
      };
      await buildImage({ recipe, folder: undefined, name: imageName, parameters }, tools);
      break;
    }
    case "rm":
      await removeImage(store, imageName);
      return say("gone");
    default:
      throw new Error(`not a command: ${command}`);
  }
  say(`saved ${version}`);
}

/** A recipe that downloads its disk, and takes its kernel from the fixtures. */
async function recipeOf(
  at: (name: string) => string,
  { append, source }: { readonly append: string; readonly source: string },
) {
  const disk = at("disk.qcow2");
  const sha256 = await sha256File(disk);
  return defineRecipe({
    ...{ name: "campaign", guestOs: "linux", guestArch: "amd64" },
    make: async ({ directory, downloads, parameters: { from }, signal }) => {
      const url = `${source}${disk}`;
      const wanted = { name: "disk.img", what: "a disk", url, sha256 };
      const got = await download(wanted, { downloads, from, signal });
      const made = (name: string): string => path.join(directory, name);
      await copyFile(got, made("disk.qcow2"));
      for (const name of ["kernel", "initrd", "cache.qcow2"]) await copyFile(at(name), made(name));
      return {
        ...{ disk: made("disk.qcow2"), virtualSize: 2 ** 24 },
        directBoot: { kernel: made("kernel"), initrd: made("initrd"), commandLine: append },
        cacheTemplate: { fileSystem: "ext4", disk: made("cache.qcow2") },
      };
    },
  });
}

try {
  await work(process.argv.slice(2));
} catch (error) {
  // An error in words is an answer; anything else is a fault of ours.
  if (!isObError(error)) throw error;
  say(`error ${error.code} ${error.message}`);
  process.exitCode = 1;
}
