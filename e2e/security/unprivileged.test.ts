import { constants } from "node:fs";
import { chmod, chown, copyFile, mkdir, mkdtempDisposable, readdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { expect, it } from "vitest";
import { buildArguments, obuilderFile } from "../support/obuilder.ts";
import { defaultStore, imageName, type TestStore } from "../support/store.ts";

/** No user of this host: it has no name, no home directory and no groups. */
const id = 61_234;
const user = { uid: id, gid: id, env: { PATH: process.env["PATH"], HOME: "/root" }, extendEnv: false };

async function whyNot(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "only root can start a command as another user";
  if ((await execa("passt", ["--version"], { reject: false })).failed) return "passt is not installed";
  const help = await execa(process.execPath, [obuilderFile, "--version"], { ...user, reject: false });
  return help.failed ? "another user cannot read this repository" : undefined;
}

const skipped = await whyNot();

/** A store below `directory` that belongs to that user, with the default image. */
async function ownStore(directory: string): Promise<TestStore> {
  const store = { directory: path.join(directory, "store"), work: path.join(directory, "work") };
  await mkdir(path.join(store.directory, "base-image"), { recursive: true, mode: 0o700 });
  await mkdir(path.join(store.directory, "state/ssh"), { recursive: true, mode: 0o700 });
  await mkdir(store.work);
  for (const kind of ["base-image", "state/ssh"]) {
    const from = path.join(defaultStore, kind);
    for (const name of await readdir(from)) {
      if (kind === "base-image" && !name.startsWith(`${imageName}.`)) continue;
      const copy = path.join(store.directory, kind, name);
      await copyFile(path.join(from, name), copy, constants.COPYFILE_FICLONE);
      // Root may have lent it to its own VMs.
      await chmod(copy, 0o600);
    }
  }
  for (const name of ["", ...(await readdir(directory, { recursive: true }))])
    await chown(path.join(directory, name), id, id);
  return { ...store, [Symbol.asyncDispose]: async () => undefined };
}

it.skipIf(skipped !== undefined)(
  `a user without privileges builds with a network by passt, and nobody else reads the store${skipped === undefined ? "" : ` (skipped: ${skipped})`}`,
  { timeout: 400_000 },
  async () => {
    await using directory = await mkdtempDisposable(path.join(tmpdir(), "unprivileged-"));
    const store = await ownStore(directory.path);
    const spec = `((from ${imageName}) (run (network host) (shell "ip route get 10.0.2.2; echo built")))`;
    const options = { hostLoopback: false, flags: ["--qemu-network", "passt", "-v"] };
    const args = await buildArguments(store, spec, options);
    const { exitCode, all } = await execa(process.execPath, [obuilderFile, ...args], {
      ...{ ...user, all: true, reject: false, stdin: "ignore" as const, cwd: "/" },
    });
    expect(exitCode, all).toBe(0);
    expect(all).toContain("built\n");
    expect(all).toMatch(/Exec ".*passt" (?!.*--runas)/);
    const open = [];
    for (const name of await readdir(store.directory, { recursive: true })) {
      const { mode, uid } = await stat(path.join(store.directory, name));
      if ((mode & 0o077) !== 0 || uid !== id) open.push(`${name} ${mode.toString(8)} ${uid}`);
    }
    expect(open).toEqual([]);
  },
);
