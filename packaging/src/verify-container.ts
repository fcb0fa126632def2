// Builds deploy/Containerfile, and runs the command in the container. There is no registry of images and no container runtime here:
// buildah runs in a root directory of Debian's, which mmdebstrap makes, and isolates nothing by more than chroot. What
// stands for the base image is Debian with Node.js, and the package is a tarball with all that it needs.
import { cp, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { packAll } from "./pack.ts";
import { installProject } from "./project.ts";
import { call } from "./tools.ts";
import { type Manifest, repository } from "./workspace.ts";

const suite = "bookworm";

async function main(): Promise<void> {
  const why = await whyNot();
  if (why !== undefined) {
    console.log(`SKIPPED: the container: ${why}`);
    return;
  }
  const work = await mkdtemp(join(tmpdir(), "obuilder-container-"));
  try {
    const builder = join(work, "builder");
    console.log("Make the root directory of buildah, and the base image");
    await debootstrap(builder, ["--variant=apt", "--include=buildah,ca-certificates"]);
    const files = join(builder, "files");
    await mkdir(files);
    await makeBase(work, join(files, "base.tar"));
    console.log("Pack the command with all that it needs");
    await bundle(work, join(files, "package.tgz"));
    await cp(join(repository, "deploy"), join(files, "deploy"), { recursive: true });
    console.log("Build deploy/Containerfile, and run obuilder in the container");
    const script = join(import.meta.dirname, "container", "in-builder.sh");
    const unshare = ["--mount", "--propagation", "private", "sh", script, builder];
    const said = await call("unshare", unshare, { timeout: 600_000 });
    console.log(said);
    const expected = [/^\d+\.\d+\.\d+$/m, /^ok +QEMU amd64 /m, /^ok +programs /m, /healthz/];
    const missing = expected.find((pattern) => !pattern.test(said));
    if (missing) throw new Error(`The container did not say ${String(missing)}.`);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function whyNot(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "it needs root";
  const programs = ["mmdebstrap", "unshare", "npm"].map(async (program) => {
    const found = await call("sh", ["-c", `command -v ${program}`]).catch(() => undefined);
    return found === undefined ? [program] : [];
  });
  const missing = (await Promise.all(programs)).flat();
  return missing.length > 0 ? `${missing.join(", ")} is missing` : undefined;
}

async function debootstrap(to: string, options: readonly string[]): Promise<void> {
  await call("mmdebstrap", ["--quiet", ...options, suite, to], { timeout: 300_000 });
}

/** Debian with Node.js and npm, as a tar file. */
async function makeBase(work: string, to: string): Promise<void> {
  await debootstrap(to, ["--variant=minbase", "--include=ca-certificates"]);
  const root = join(work, "node");
  const modules = join(root, "usr/local/lib/node_modules");
  const programs = join(root, "usr/local/bin");
  for (const directory of [modules, programs]) await mkdir(directory, { recursive: true });
  await cp(process.execPath, join(programs, "node"));
  const npm = await realpath(await call("sh", ["-c", "command -v npm"]));
  await cp(dirname(dirname(npm)), join(modules, "npm"), { recursive: true });
  await symlink("../lib/node_modules/npm/bin/npm-cli.js", join(programs, "npm"));
  await call("tar", ["--append", "--file", to, "--directory", root, "./usr"]);
}

/** Packs the command with all packages that it depends on: they are not published. */
async function bundle(work: string, to: string): Promise<void> {
  const packed = await packAll(work);
  const project = join(work, "project");
  await installProject({ directory: project, packed, wanted: ["@ob/cli"] });
  const own = join(project, "node_modules", "@ob", "cli");
  const folder = join(work, "bundle");
  await cp(own, folder, { recursive: true });
  await rm(own, { recursive: true });
  const modules = join(project, "node_modules");
  for (const file of [".bin", ".package-lock.json"]) await rm(join(modules, file), { recursive: true });
  await cp(modules, join(folder, "node_modules"), { recursive: true });
  const file = join(folder, "package.json");
  const manifest: Manifest = JSON.parse(await readFile(file, "utf8"));
  const names = Object.keys(manifest.dependencies ?? {});
  const dependencies = Object.fromEntries(names.map((name) => [name, "*"]));
  await writeFile(
    file,
    JSON.stringify({ ...manifest, dependencies, bundleDependencies: names, scripts: {} }),
  );
  const name = await call("npm", ["pack", "--silent", "--pack-destination", work], { cwd: folder });
  await cp(join(work, name.trim()), to);
}

await main();
