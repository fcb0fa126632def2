import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { ArchivedDirectory, ArchiveFeature } from "@ob/core";
import { pack } from "tar-stream";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { installedShells as loginShells } from "../../testing/installed-shells.ts";
import { tarsHere } from "../../testing/tars.ts";
import { directoryLines } from "./directory-lines.ts";
import { keepDirectories } from "./scripts.generated.ts";
import { exitNoSparse } from "../exit-statuses.ts";
import { linuxGuest } from "../linux/profile.ts";
import { openbsdGuest } from "../openbsd/profile.ts";

/** zsh is no /bin/sh, unless it is called so. */
const installedShells = loginShells.filter((shell) => !shell.endsWith("zsh"));

/** A directory of this host takes the place of the guest's root: archives are unpacked in it. */
const top = realpathSync(mkdtempSync(join(tmpdir(), "keep-")));
afterAll(() => rmSync(top, { recursive: true }));
const root = join(top, "guest");
const at = (path: string): string => join(root, path);
const old = 1_000_000_000;

beforeEach(() => {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root);
});

interface Made {
  readonly mode: number;
  readonly owner?: readonly [number, number];
}

function makeDirectory(path: string, { mode, owner = [0, 0] }: Made): void {
  mkdirSync(at(path), { recursive: true });
  chownSync(at(path), ...owner);
  chmodSync(at(path), mode);
}

/** Owner, mode and modification time of each path, in a readable form. */
function shown(...paths: readonly string[]): readonly string[] {
  return paths.map((path) => {
    const { uid, gid, mode, mtimeMs } = statSync(at(path));
    return `${path} ${uid}:${gid} ${(mode & 0o7777).toString(8)} ${mtimeMs}`;
  });
}

const linesOf = (
  directories: readonly ArchivedDirectory[],
  features: readonly ArchiveFeature[] = [],
): Buffer => directoryLines({ directories, features: new Set(features) });

/**
 * Directories end in a slash. The archive lists the parents of the destination first, as that of a copy does; `parents`
 * adds those of the names.
 */
async function unpack(
  names: readonly string[],
  run: { readonly command: string; readonly path: string; readonly parents?: number },
): Promise<ReturnType<typeof spawnSync>> {
  const archive = pack();
  const around = root.slice(1).split("/");
  const all = [
    ...around.map((_, index) => `${around.slice(0, index + 1).join("/")}/`),
    ...names.map((name) => `${root.slice(1)}/${name}`),
  ];
  for (const name of all) {
    const type = name.endsWith("/") ? "directory" : "file";
    const mode = type === "directory" ? 0o755 : 0o644;
    archive.entry(
      { name, type, mode, uid: 4321, gid: 8765, mtime: new Date(5_000) },
      type === "file" ? "new" : "",
    );
  }
  archive.finalize();
  const directories = all
    .filter((name) => name.endsWith("/"))
    .map((name, index) => ({
      path: Buffer.from(name.slice(0, -1)),
      isParent: index < around.length + (run.parents ?? 0),
    }));
  const input = Buffer.concat([linesOf(directories), await buffer(archive)]);
  const env = environment(run.path);
  return spawnSync("/bin/sh", ["-c", `umask 077; ${run.command}`], { input, env });
}

/** Bash takes a socket on its input for a remote login, and then reads the start-up files in the home directory. */
const environment = (first: string) => ({ PATH: `${first}:${process.env["PATH"]}`, HOME: "/nonexistent" });

/** An archive of empty entries. */
const tarArchive = async (
  entries: readonly { readonly name: string; readonly type?: "directory" }[],
): Promise<Buffer> => {
  const archive = pack();
  for (const entry of entries) archive.entry(entry, "");
  archive.finalize();
  return await buffer(archive);
};

const isRoot = process.getuid?.() === 0;
const profiles = { Linux: linuxGuest("root"), OpenBSD: openbsdGuest("root") };
const cases = Object.entries(profiles).flatMap(([os, profile]) =>
  tarsHere()
    .filter(({ name }) => os === "Linux" || name === "GNU tar")
    .flatMap((tar) => installedShells.map((shell) => ({ os, profile, shell, tar, name: tar.name }))),
);

// Only root can set owners.
describe.runIf(isRoot).each(cases)("unpacking for $os, by $shell with $name", ({ profile, shell, tar }) => {
  const command = profile.unpack.command
    .replace("/bin/sh", shell)
    .replace("PATH=/sbin", `PATH=${tar.directory}:/sbin`);
  const unpackHere = async (names: readonly string[], parents = 0): Promise<ReturnType<typeof spawnSync>> =>
    await unpack(names, { command, path: tar.directory, parents });

  it("creates what is missing as in the archive, and leaves existing directories unchanged", async () => {
    makeDirectory("etc/s p", { mode: 0o500, owner: [3, 4] });
    makeDirectory("etc", { mode: 0o750, owner: [1, 2] });
    makeDirectory("tmp", { mode: 0o1777 });
    makeDirectory("var/mail", { mode: 0o2775, owner: [0, 8] });
    const all = ["etc", "etc/s p", "tmp", "var", "var/mail", "."];
    for (const path of all) utimesSync(at(path), old, old + 0.25);
    const before = shown(...all);
    const names = ["etc/", "etc/s p/", "etc/s p/f", "etc/s p/made/", "tmp/", "var/", "var/mail/", "new/"];
    const result = await unpackHere([...names, "new/er/", "new/er/f"]);
    expect([result.status, String(result.stderr)]).toEqual([0, ""]);
    // Busybox' archives have whole seconds.
    const kept = tar.name === "busybox" ? before.map((line) => line.replace(/250$/, "000")) : before;
    expect(shown(...all)).toEqual(kept);
    expect(shown("new", "new/er", "etc/s p/made").map((line) => line.replace(/ \d+(\.\d+)?$/, ""))).toEqual([
      "new 4321:8765 755",
      "new/er 4321:8765 755",
      "etc/s p/made 4321:8765 755",
    ]);
    const { uid, gid, mode } = statSync(at("etc/s p/f"));
    expect([uid, gid, mode & 0o7777]).toEqual([4321, 8765, 0o644]);
  });

  it("keeps links to directories, and the directories that they point to", async () => {
    makeDirectory("real/home", { mode: 0o711, owner: [5, 6] });
    symlinkSync("real", at("link"));
    symlinkSync(at("real/home"), at("far"));
    const all = ["real", "real/home"];
    for (const path of all) utimesSync(at(path), old, old);
    const before = shown(...all);
    const link = lstatSync(at("link"));
    const result = await unpackHere([
      "link/",
      "link/f",
      "link/home/",
      "link/home/f",
      "far/",
      "far/g",
      "far/d/",
    ]);
    expect([result.status, String(result.stderr)]).toEqual([0, ""]);
    expect(shown(...all)).toEqual(before);
    expect([readlinkSync(at("link")), lstatSync(at("link")).uid]).toEqual(["real", link.uid]);
    expect(readdirSync(at("real/home")).toSorted()).toEqual(["d", "f", "g"]);
    expect(statSync(at("real/home/d")).uid).toBe(4321);
  });

  it("keeps directories with any names, and any number of them", async () => {
    const odd = ["a\nb", String.raw`c\nd\0134`, "-C", " e ", "*", "é", "f\t", "it's", "\n"];
    const many = Array.from({ length: 110 }, (_, index) => `many ${index}`);
    for (const name of [...odd, ...many]) {
      makeDirectory(name, { mode: 0o700, owner: [9, 9] });
      utimesSync(at(name), old, old);
    }
    const before = shown(...odd, ...many);
    const result = await unpackHere([...odd, ...many].flatMap((name) => [`${name}/`, `${name}/f`]));
    expect([result.status, String(result.stderr)]).toEqual([0, ""]);
    expect(shown(...odd, ...many)).toEqual(before);
  });

  it("refuses to unpack if a parent of the destination is not a directory", async () => {
    writeFileSync(at("file"), "kept");
    symlinkSync("nowhere", at("dangling"));
    for (const name of ["file", "dangling"]) {
      const result = await unpackHere([`${name}/`, `${name}/new/`, `${name}/new/f`], 2);
      expect([result.status, String(result.stderr)]).toEqual([
        125,
        `obuilder: ${at(name)} is not a directory\n`,
      ]);
    }
    expect([readFileSync(at("file"), "utf8"), readlinkSync(at("dangling"))]).toEqual(["kept", "nowhere"]);
    const { status } = await unpackHere(["n/", "n/m/", "n/m/f"], 2);
    expect([status, readFileSync(at("n/m/f"), "utf8")]).toEqual([0, "new"]);
  });

  /** A copy from a build, of directories and files in `dst`. */
  const copyHere = async (
    names: readonly string[],
    { links = false, sparse = false }: { readonly links?: boolean; readonly sparse?: boolean } = {},
  ) => {
    const bounds = Buffer.from(`${root.slice(1)}/dst`);
    const all = names.map((name) => `${root.slice(1)}/dst/${name}`);
    const entries = all.map((name) => ({ name, ...(name.endsWith("/") && { type: "directory" as const }) }));
    const directories = [
      { path: bounds, isParent: true },
      ...all
        .filter((name) => name.endsWith("/"))
        .map((name) => ({ path: Buffer.from(name.slice(0, -1)), isParent: false, bounds })),
    ];
    const features = [...(links ? (["links"] as const) : []), ...(sparse ? (["sparse"] as const) : [])];
    const input = Buffer.concat([linesOf(directories, features), await tarArchive(entries)]);
    const { status, stderr } = spawnSync("/bin/sh", ["-c", command], {
      input,
      env: environment(tar.directory),
    });
    return { status, stderr: String(stderr) };
  };

  it("refuses a copy from a build through a link out of the destination, before anything is unpacked", async () => {
    for (const directory of ["dst/real", "outside/sub"]) mkdirSync(at(directory), { recursive: true });
    const targets = { up: "../outside", far: at("outside"), twice: "real/up", "real/up": "../up" };
    for (const [name, target] of Object.entries(targets)) symlinkSync(target, at(`dst/${name}`));
    for (const name of ["up", "far", "twice", "real/up"]) {
      const parents = name === "real/up" ? ["real/"] : [];
      for (const below of ["", "sub/"]) {
        const result = await copyHere([
          "first",
          ...parents,
          `${name}/`,
          ...(below ? [`${name}/${below}`] : []),
          `${name}/${below}f`,
        ]);
        expect(result).toEqual({
          status: 125,
          stderr: expect.stringContaining(`is a link out of the destination`),
        });
      }
    }
    expect(readdirSync(at("dst")).toSorted()).toEqual(["far", "real", "twice", "up"]);
    expect(readdirSync(at("outside"), { recursive: true })).toEqual(["sub"]);
  });

  it("lets a copy from a build through a link below the destination, but none with links of its own", async () => {
    mkdirSync(at("dst/share/man"), { recursive: true });
    symlinkSync("share/man", at("dst/man"));
    expect(await copyHere(["man/", "man/page"])).toEqual({ status: 0, stderr: "" });
    expect(readdirSync(at("dst/share/man"))).toEqual(["page"]);
    expect(await copyHere(["man/", "man/other"], { links: true })).toEqual({
      status: 125,
      stderr: expect.stringContaining("/dst/man is a link, and the copy has links and a directory there"),
    });
    expect(await copyHere(["share/", "share/other"], { links: true })).toEqual({ status: 0, stderr: "" });
    rmSync(at("dst"), { recursive: true });
    mkdirSync(at("elsewhere/d"), { recursive: true });
    symlinkSync("elsewhere", at("dst"));
    expect(await copyHere(["d/", "d/f"], { links: true })).toEqual({ status: 0, stderr: "" });
    expect(readdirSync(at("elsewhere/d"))).toEqual(["f"]);
  });

  it("reports files with holes that it cannot unpack, before it unpacks any", async () => {
    const { status } = await copyHere(["f"], { sparse: true });
    expect([status, existsSync(at("dst"))]).toEqual(
      tar.name === "busybox" ? [exitNoSparse, false] : [0, true],
    );
  });

  it("ends with tar's status if the input is not an archive, and leaves nothing behind", async () => {
    const places = ["/dev/shm", "/run"];
    const notes = () =>
      places.flatMap((place) => readdirSync(place).filter((n) => n.startsWith("obuilder-copy")));
    const before = notes();
    const input = Buffer.concat([linesOf([]), Buffer.from("this is not an archive".repeat(1_000))]);
    const { status } = spawnSync("/bin/sh", ["-c", command], { input, env: environment(tar.directory) });
    expect(status).not.toBe(0);
    expect(notes()).toEqual(before);
  });
});

it("a tar that cannot record directories fails before anything is unpacked", () => {
  const script = `fail() { echo "$*" >&2; exit 125; }\ntar=false\n${keepDirectories}\nkeep_directories\necho unpacked`;
  const { status, stdout } = spawnSync("/bin/sh", ["-c", script], { input: linesOf([]) });
  expect([status, String(stdout)]).toEqual([125, ""]);
});

it("reads no byte after the directories", () => {
  const script = `fail() { exit 125; }\ntar=true\n${keepDirectories}\nkeep_directories\ncat`;
  const input = Buffer.concat([
    linesOf(["no/such", "usr"].map((path) => ({ path: Buffer.from(path), isParent: path === "usr" }))),
    Buffer.from("\nrest"),
  ]);
  for (const shell of installedShells) {
    expect(String(execFileSync(shell, ["-c", script], { input }))).toBe("\nrest");
  }
});
