import { createReadStream, statSync } from "node:fs";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import path from "node:path";
import { disposableWith, run, sha256File } from "@ob/core";
import { openRegistry } from "@ob/registry";
import { FakeRegistry } from "@ob/registry/testing";
import { writePattern } from "../store/scripted-guest.ts";

/** The image that all commands make. */
export const imageName = "image";

/** The two versions of it. */
export const versions = ["1", "2"] as const;
export type Version = (typeof versions)[number];

/** What the commands work with. */
export interface Fixtures {
  /** Absolute path: `VERSION/` has disk.qcow2, kernel, initrd, key and cache.qcow2. */
  readonly directory: string;
  /** `127.0.0.1:PORT`, of a registry whose repository `images` has both versions as tags. */
  readonly registry: string;
  /** A URL; an absolute path after it is that of the file that it gives. */
  readonly downloads: string;
}

export interface OpenFixtures extends AsyncDisposable {
  /** Absolute path of the file with the fixtures as JSON. */
  readonly file: string;
  readonly fixtures: Fixtures;
}

/** @param directory absolute path of an existing directory. */
export async function openFixtures(directory: string): Promise<OpenFixtures> {
  await using stack = new AsyncDisposableStack();
  const registry = stack.use(await FakeRegistry.start());
  const server = createServer((request, response) => {
    const file = decodeURI(request.url ?? "");
    const size = statSync(file).size;
    response.writeHead(200, { "content-length": size, etag: `"${size}"` });
    createReadStream(file).pipe(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const downloads = `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
  const fixtures = { directory, registry: registry.host, downloads };
  for (const version of versions) await makeVersion(fixtures, version);
  const file = path.join(directory, "fixtures.json");
  await writeFile(file, JSON.stringify(fixtures));
  return disposableWith({ file, fixtures }, stack);
}

async function makeVersion({ directory, registry: host }: Fixtures, version: Version): Promise<void> {
  const at = (name: string): string => path.join(directory, version, name);
  await mkdir(at(""));
  const disk = at("disk.qcow2");
  await run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "16M"]);
  await run(["qemu-io", "-f", "qcow2", "-c", writePattern(Number(version)), disk]);
  await cp(disk, at("cache.qcow2"));
  for (const name of ["kernel", "initrd"]) await writeFile(at(name), `${name} ${version}`);
  await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", at("key")]);
  const manifest = {
    ...{ version: 2, name: imageName, guestOs: "linux", guestArch: "amd64", loginUser: "opam" },
    ...{ sshKey: "image.key", sha256: await sha256File(disk), virtualSize: 2 ** 24 },
    directBoot: { kernel: "kernel", initrd: "initrd", commandLine: `version=${version}` },
  };
  await using registry = openRegistry({ ref: `${host}/images` });
  const files = { kernel: at("kernel"), initrd: at("initrd"), "image.key": at("key") };
  await registry.pushImage({ tag: version, disk, files, manifest: JSON.stringify(manifest) });
}

/** The files of a version, as text. */
export async function textsOf({ directory }: Fixtures, version: Version) {
  const read = async (name: string) => await readFile(path.join(directory, version, name), "utf8");
  return { kernel: await read("kernel"), initrd: await read("initrd"), key: await read("key") };
}
