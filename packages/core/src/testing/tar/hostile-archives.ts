import { damaged } from "./damaged-archives.ts";
import {
  directory,
  file,
  type HostileArchive,
  type Kept,
  link,
  longName,
  pax,
  type Refused,
  root,
  tree,
  twin,
} from "./hostile-entries.ts";
import { attributes, sparse } from "./sparse-archives.ts";
import { type RawEntry, tarOf } from "./tar-blocks.ts";

const leadsOut = "leads out of it";

const kept: Kept = (what, names, archive) => ({
  what,
  archive,
  result: { kept: ["first", ...names].toSorted() },
});

/** Archives with a file in the place of an earlier link, which GNU tar replaces and others refuse. @param outside see `hostileArchives`. */
export function replacingArchives(outside: string): readonly HostileArchive[] {
  const target = `${outside}/kept`;
  return [
    kept("a file in the place of a link", ["x"], tree(file("x"), link("x", target), file("x"))),
    kept(
      "a file in the place of a hard link to a link",
      ["l", "x"],
      tree(link("l", target), twin("x", "./l"), file("x")),
    ),
  ];
}

/** @param outside absolute path of a directory that nothing may be written to; it has a file `kept`. */
export function hostileArchives(outside: string): readonly HostileArchive[] {
  const refused = (what: string, message: string, archive: Buffer): HostileArchive => ({
    what,
    archive,
    result: { refused: message },
  });
  return [
    ...namesOut(outside, refused),
    ...links(outside, refused),
    ...odd(),
    refused("a file in a directory that it does not have", "is in no directory", tree(file("x/new"))),
    refused("no root", "does not start with its root", tarOf({ ...root, name: "./x/" }, file("x/y"))),
    refused("two roots", "two roots", tree(root)),
    refused(
      "a hard link in place of its root",
      "starts with a hard link",
      tarOf(twin("x", `${outside}/kept`)),
    ),
    refused("a socket", "has a type that cannot be copied", tree({ name: "./s", flag: "s" })),
    refused("a volume label", "has a type that cannot be copied", tree({ name: "./v", flag: "V" })),
    kept(
      "a device and a pipe",
      [],
      tree({ name: "./null", flag: "3" }, { name: "./disk", flag: "4" }, { name: "./pipe", flag: "6" }),
    ),
    kept("set-user-id and odd modes", ["x"], tree({ ...file("x"), mode: 0o7777 })),
    kept("the same file twice", ["x"], tree(file("x"), file("x"))),
    kept("a link up, which is not followed", ["x"], tree(link("x", "../../outside"))),
    kept(
      "names that drive a terminal",
      ["\u001b]0;x\u0007", "two\nlines"],
      tree(file("\u001b]0;x\u0007"), file("two\nlines")),
    ),
    refused(
      "an error with a name that drives a terminal",
      String.raw`/\u{1b}[2J\u{7}/x" is in no directory`,
      tree(file("\u001b[2J\u0007/x")),
    ),
    refused(
      "an error with a name that turns the text around",
      String.raw`/a\u{202e}b/x" is in no directory`,
      tree(pax(["path", "./a\u202eb/x"]), file("y")),
    ),
    ...damaged(refused),
    ...sparse(refused, kept),
    ...attributes(refused, kept),
  ];
}

function odd(): readonly HostileArchive[] {
  return [
    kept("a path in a global header", ["x"], tree(globalPath("../outside/new"), file("x"))),
    kept("names with dots and slashes within", ["x"], tree(file("./x"), file(".//x"), file("/./x"))),
    kept("names of Windows", [String.raw`..\..\x`, "c:x"], tree(file(String.raw`..\..\x`), file("c:x"))),
  ];
}

const globalPath = (path: string): RawEntry => ({ ...pax(["path", path]), flag: "g" });

function links(outside: string, refused: Refused): readonly HostileArchive[] {
  return [
    refused("a file in a link of the archive", "is in no directory", tree(link("x", outside), file("x/new"))),
    refused(
      "a directory after a link of its name",
      "both a link and a directory",
      tree(link("x", outside), directory("x"), file("x/new")),
    ),
    refused(
      "a link after a directory of its name",
      "both a link and a directory",
      tree(directory("x"), link("x", outside), file("x/new")),
    ),
    refused(
      "a directory after a hard link to a link",
      "both a link and a directory",
      tree(link("l", outside), twin("x", "./l"), directory("x"), file("x/new")),
    ),
    refused(
      "a link whose name ends in a slash",
      "is in no directory",
      tree({ ...link("x", outside), name: "./x/" }, file("x/new")),
    ),
    refused(
      "a directory that is a file with a slash, after a link of its name",
      "both a link and a directory",
      tree(link("x", outside), { name: "./x/", flag: "0" }, file("x/new")),
    ),
    refused(
      "a hard link through a link",
      "is in no directory",
      tree(link("l", outside), twin("x", "./l/kept"), file("x")),
    ),
  ];
}

function namesOut(outside: string, refused: Refused): readonly HostileArchive[] {
  const up = "../outside/new";
  return [
    refused("dots", leadsOut, tree({ name: up, body: "x" })),
    refused("dots within", leadsOut, tree(directory("d"), file("d/../../outside/new"))),
    refused("an absolute name", leadsOut, tree({ name: `${outside}/new`, body: "x" })),
    refused("the path of a pax header", leadsOut, tree(pax(["path", up]), file("x"))),
    refused(
      "the last of two paths of a pax header",
      leadsOut,
      tree(pax(["path", "./x"], ["path", up]), file("x")),
    ),
    refused(
      "the name of a sparse file",
      leadsOut,
      tree(pax(["GNU.sparse.name", up], ["GNU.sparse.size", "0"], ["GNU.sparse.map", ""]), { name: "./x" }),
    ),
    refused("a long name of GNU tar", leadsOut, tree(longName("L", up), file("x"))),
    refused(
      "the prefix of a name",
      leadsOut,
      tree({ ...file("x"), patch: (header) => void header.write("..", 345) }),
    ),
    refused("a hard link", leadsOut, tree(twin("x", `${outside}/kept`))),
    refused("a hard link up", leadsOut, tree(twin("x", "../outside/kept"))),
    refused(
      "a hard link by a pax header",
      leadsOut,
      tree(pax(["linkpath", "../outside/kept"]), twin("x", "./first")),
    ),
    refused(
      "a hard link by a long name",
      leadsOut,
      tree(longName("K", "../outside/kept"), twin("x", "./first")),
    ),
    refused(
      "a name with a NUL",
      "a name has a NUL byte",
      tree(pax(["path", "./x\0/../../outside/new"]), file("x")),
    ),
    refused(
      "a name that is too long",
      "a name is too long",
      tree(pax(["path", `./${"x".repeat(70_000)}`]), file("x")),
    ),
    refused("an empty name", "has no name", tree({ name: "" })),
    refused("a link to nothing", "has no name", tree(link("x", ""))),
  ];
}
