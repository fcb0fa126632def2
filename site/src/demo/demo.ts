// npm run demo: records the commands of scene.ts in a new store, with real virtual machines, and draws the README's picture.
// `--draw` only draws the recording that is there.
import { cp, link, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { formatCast } from "./cast.ts";
import { makeSvg } from "./make-svg.ts";
import { recordingFile, pictureFile, repository } from "./places.ts";
import { record } from "./record.ts";
import { description, files, shots, size, title } from "./scene.ts";

const image = "debian-12-amd64";
const imageStore = process.env["OB_E2E_STORE"] ?? path.join(repository, ".obuilder/store");

async function main(): Promise<void> {
  if (!process.argv.includes("--draw")) await writeFile(recordingFile, await recorded());
  await writeFile(pictureFile, await makeSvg(await readFile(recordingFile, "utf8"), description));
  console.log(path.relative(process.cwd(), pictureFile));
}

/** Beside the store, so that its image can be linked. */
async function recorded(): Promise<string> {
  await mkdir(path.join(imageStore, ".."), { recursive: true });
  const root = await mkdtemp(path.join(imageStore, "../demo-"));
  try {
    const store = path.join(root, "store");
    await linkImage(store);
    const directory = path.join(root, "hello");
    for (const [name, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(directory, name)), { recursive: true });
      await writeFile(path.join(directory, name), text);
    }
    const programs = path.join(repository, "node_modules/.bin");
    const env = { PATH: `${programs}:${process.env["PATH"]}`, OBUILDER_STORE: `qemu:${store}` };
    return formatCast(await record(shots, { ...size, title, directory, env }));
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function linkImage(store: string): Promise<void> {
  const images = path.join(store, "base-image");
  await mkdir(images, { recursive: true, mode: 0o700 });
  const all = await readdir(path.join(imageStore, "base-image")).catch(() => []);
  const names = all.filter((name) => name.startsWith(`${image}.`));
  if (names.length === 0)
    throw new Error(`There is no ${image} in ${imageStore}: run \`npm run quickstart\`.`);
  for (const name of names) await link(path.join(imageStore, "base-image", name), path.join(images, name));
  await cp(path.join(imageStore, "state/ssh"), path.join(store, "state/ssh"), { recursive: true });
}

await main();
