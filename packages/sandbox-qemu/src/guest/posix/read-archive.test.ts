import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { installedShells } from "../../testing/installed-shells.ts";
import { frameReader, newMark } from "../../ssh/frame.ts";
import { scriptOf } from "../../ssh/quote/cygwin.ts";
import { linuxGuest } from "../linux/profile.ts";
import { exitNotFound } from "../exit-statuses.ts";
import { findProfile } from "../registry.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "pack-")));
afterAll(() => rmSync(root, { recursive: true }));
mkdirSync(join(root, "tree/sub/.git"), { recursive: true });
for (const name of ["one", "sub/two", "sub/.git/HEAD", "sub/a*", "sub/axe", "-dash", "it's $HOME"]) {
  writeFileSync(join(root, "tree", name), name);
}
symlinkSync("tree", join(root, "link"));
symlinkSync("nowhere", join(root, "dangling"));
symlinkSync("tree/one", join(root, "to-one"));
mkdirSync(join(root, "links"));
symlinkSync("../tree/one", join(root, "links/below"));
symlinkSync("links", join(root, "to-links"));
for (const name of ["circle", "lost"]) mkdirSync(join(root, name));
symlinkSync(".", join(root, "circle/again"));
symlinkSync("missing", join(root, "lost/nowhere"));

/** Runs the command as a root user's login shell would, and lists the archive. */
function packed(
  path: string,
  {
    shell = "/bin/sh",
    exclude = [],
    ...links
  }: { shell?: string; exclude?: string[]; followLink?: boolean; followAllLinks?: boolean } = {},
) {
  const { command } = linuxGuest("root").readArchive(path, exclude, links);
  const { status, stdout, stderr } = spawnSync(shell, ["-c", command]);
  const list = spawnSync("tar", ["-t", "--quoting-style=literal"], { input: stdout }).stdout.toString();
  const listed = spawnSync("tar", ["-tv"], { input: stdout }).stdout.toString();
  return {
    status,
    links: (listed.match(/^l.*/gm) ?? []).length,
    names: list.split("\n").filter(Boolean).toSorted(),
    stderr: stderr.toString(),
  };
}

describe.each(installedShells)("packing a path, with %s", (shell) => {
  const pack = (path: string, exclude?: string[]) => packed(path, { shell, ...(exclude && { exclude }) });

  it("packs the contents of a directory", () => {
    expect(pack(join(root, "tree")).names).toEqual(
      [
        "./",
        "./-dash",
        "./it's $HOME",
        "./one",
        "./sub/",
        "./sub/.git/",
        "./sub/.git/HEAD",
        "./sub/a*",
        "./sub/axe",
        "./sub/two",
      ].toSorted(),
    );
  });

  it("packs a file, or a link, as one entry", () => {
    expect(pack(join(root, "tree/one"))).toEqual({ status: 0, links: 0, names: ["./one"], stderr: "" });
    expect(pack(join(root, "tree/-dash")).names).toEqual(["./-dash"]);
    expect(pack(join(root, "tree/it's $HOME")).names).toEqual(["./it's $HOME"]);
    expect(pack(join(root, "link")).names).toEqual(["./link"]);
    expect(pack(join(root, "dangling")).names).toEqual(["./dangling"]);
  });

  it("follows a link if the path ends in a slash or continues after it", () => {
    expect(pack(`${join(root, "link")}/`).names).toContain("./sub/two");
    expect(pack(join(root, "link/one")).names).toEqual(["./one"]);
  });

  it("follows a link at the path if asked to, but no links below a directory", () => {
    const follow = (path: string) => packed(join(root, path), { shell, followLink: true });
    expect(follow("to-one")).toEqual({ status: 0, links: 0, names: ["./to-one"], stderr: "" });
    expect(packed(join(root, "to-one"), { shell })).toMatchObject({ links: 1, names: ["./to-one"] });
    expect(follow("tree/one")).toMatchObject({ status: 0, names: ["./one"] });
    expect(follow("to-links")).toMatchObject({ links: 1, names: ["./", "./below"] });
    expect(follow("links")).toMatchObject({ links: 1, names: ["./", "./below"] });
    expect(follow("dangling")).toMatchObject({ status: exitNotFound, names: [] });
  });

  it("follows every link if asked to, and refuses one that leads to a directory around it", () => {
    const follow = (path: string) =>
      packed(join(root, path), { shell, followLink: true, followAllLinks: true });
    expect(follow("to-links")).toMatchObject({ status: 0, links: 0, names: ["./", "./below"] });
    expect(follow("to-one")).toMatchObject({ status: 0, links: 0, names: ["./to-one"] });
    expect(follow("circle")).toMatchObject({
      status: 125,
      names: [],
      stderr: expect.stringMatching(/loop.*again/),
    });
    expect(follow("lost")).toMatchObject({ names: ["./"], stderr: expect.stringContaining("./nowhere") });
  });

  it("excludes exact names at any depth, but never the item itself", () => {
    const { names } = pack(join(root, "tree"), [".git", "a*", "tree"]);
    expect(names).toContain("./sub/axe");
    expect(names.filter((name) => name.includes(".git") || name.includes("*"))).toEqual([]);
    expect(pack(join(root, "tree/one"), ["one"]).names).toEqual(["./one"]);
  });

  it.each(["missing", "tree/one/below", "tree/one/", "dangling/"])(
    "reports that %s does not exist",
    (path) => {
      expect(pack(`${root}/${path}`)).toMatchObject({ status: exitNotFound, names: [] });
    },
  );
});

it("an archive in its frame has no output of the login shell", () => {
  const startUp = join(root, "startup");
  writeFileSync(startUp, "echo welcome; echo error >&2; set -x; trap 'echo bye' EXIT\n");
  const mark = newMark();
  const { framed } = linuxGuest("root").readArchive(join(root, "tree/one"), []);
  const line = framed?.({ mark, marksEnd: true }).command ?? "";
  const { stdout, stderr } = spawnSync("/bin/bash", ["-c", line], {
    env: { ...process.env, BASH_ENV: startUp },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const chunks: Uint8Array[] = [];
  const reader = frameReader(mark, (bytes) => void chunks.push(bytes));
  void reader.add(stdout);
  expect(reader.place).toBe("after");
  const list = spawnSync("tar", ["-t"], { input: Buffer.concat(chunks) });
  expect([list.status, list.stdout.toString()]).toEqual([0, "./one\n"]);
  expect(stderr.toString().split(mark)).toEqual([expect.stringContaining("error"), "", ""]);
});

it("a file that changes while it is read is not an error, but one that cannot be read is", () => {
  const bin = join(root, "bin");
  mkdirSync(bin);
  const answering = (status: number) => {
    writeFileSync(
      join(bin, "tar"),
      `#!/bin/sh\n[ "$1" = --version ] && echo 'tar (GNU tar)' && exit\nexit ${status}\n`,
    );
    chmodSync(join(bin, "tar"), 0o755);
    const { command } = linuxGuest("root").readArchive(join(root, "tree"), []);
    return spawnSync("/bin/sh", ["-c", command], { env: { PATH: `${bin}:${process.env["PATH"]}` } }).status;
  };
  expect([answering(0), answering(1), answering(2)]).toEqual([0, 0, 2]);
});

it("each guest has its own way to become root, and its own tar", () => {
  const words = (os: string, user: string) => findProfile(os)(user).readArchive("/a b", ["x"]).command;
  expect(words("linux", "opam")).toMatch(/^exec sudo -n -- \/bin\/sh -c '.* obuilder '\/a b' x$/s);
  expect(words("openbsd", "opam")).toMatch(
    /^exec \/usr\/bin\/doas -n -- \/bin\/sh -c '.*gtar.* obuilder '\/a b' x$/s,
  );
  const windows = scriptOf(words("windows", "opam"));
  expect(windows).toMatch(/^set -- 'C:\/a b' no\n/);
  expect(windows).toContain('tar.exe" -cf -');
});

it("Windows' own tar packs files on the drive in the path", () => {
  const bin = join(root, "windows bin");
  mkdirSync(join(bin, "system32"), { recursive: true });
  const drive = join(root, "tree");
  const play = (name: string, text: string) =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  play("cygpath", `[ "$1" = -S ] && echo '${bin}/system32' || echo "${drive}\${2#C:}"`);
  play("system32/tar.exe", 'exec tar "$@"');
  const startUp = join(bin, "startup");
  writeFileSync(startUp, "echo hello; trap 'echo bye' EXIT; trap 'echo \"$BASH_COMMAND\"' DEBUG\n");
  const pack = (path: string) => {
    const { framed } = findProfile("windows")("opam").readArchive(path, []);
    const mark = newMark();
    const line = framed?.({ mark, marksEnd: true }).command ?? "";
    const env = { PATH: `${process.env["PATH"]}:${bin}`, BASH_ENV: startUp };
    const { status, stdout } = spawnSync("/bin/bash", ["-c", line], {
      env,
      encoding: "latin1",
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [said, archive = "", ...rest] = stdout.split(mark);
    expect([said, rest]).toEqual([expect.stringContaining("hello"), [""]]);
    const list = spawnSync("tar", ["-t"], { input: Buffer.from(archive, "latin1") }).stdout.toString();
    return { status, names: list.split("\n").filter(Boolean).toSorted() };
  };
  expect(pack(String.raw`/C:\sub\two`)).toEqual({ status: 0, names: ["./two"] });
  expect(pack("/cygdrive/c/it's $HOME")).toEqual({ status: 0, names: ["./it's $HOME"] });
  expect(pack("/sub/.git").names).toEqual(["./", "./HEAD"]);
  expect(pack("/no/such").status).toBe(exitNotFound);
  const followed = findProfile("windows")("opam").readArchive("/to-one", [], { followLink: true }).command;
  symlinkSync("one", join(drive, "to-one"));
  const env = { PATH: `${process.env["PATH"]}:${bin}` };
  const { stdout } = spawnSync("/bin/bash", ["-c", followed], { env });
  const list = spawnSync("tar", ["-tv"], { input: stdout }).stdout.toString();
  expect(list).toMatch(/^-.* \.\/to-one\n$/);
});
