import { execFileSync } from "node:child_process";
import type { EphemeralGuest } from "@ob/core";
import { hostileArchives } from "@ob/core/testing";
import { describe, expect, it } from "vitest";
import { compareTrees, readLayerTree } from "./layer-tree.ts";

function guestWith(archive: Uint8Array): EphemeralGuest {
  return {
    async *readArchive() {
      yield archive;
    },
    execInteractive: async () => 0,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** The tree of the files that a shell makes in an empty directory, archived in the order of the names given. */
async function treeOf(script: string, ...names: readonly string[]) {
  const archive = execFileSync("sh", [
    "-c",
    `d=$(mktemp -d) && cd "$d" && (umask 022; ${script}) >&2 && tar --owner=1 --group=1 -cf - ${names.join(" ") || "."}; rm -r "$d"`,
  ]);
  return await readLayerTree(guestWith(archive), "/srv");
}

describe("the trees of two layers", () => {
  it("differ by kinds, modes, links and contents, and not by times", async () => {
    const before = await treeOf(
      "mkdir d; echo a >same; echo a >content; echo a >mode; ln -s a link; mkdir kind; echo a >gone",
    );
    const after = await treeOf(
      "mkdir d; echo a >same; touch -d @9 same; echo b >content; echo a >mode; chmod 600 mode; ln -s b link; echo a >kind; echo a >d/new",
    );
    expect(compareTrees(before, after)).toEqual([
      { kind: "changed", path: "/srv/content" },
      { kind: "added", path: "/srv/d/new" },
      { kind: "deleted", path: "/srv/gone" },
      { kind: "changed", path: "/srv/kind" },
      { kind: "changed", path: "/srv/link" },
      { kind: "changed", path: "/srv/mode" },
    ]);
  });

  it("are the same whichever name of a file the archive has as the link", async () => {
    const make = "echo a >a; ln a b";
    expect(compareTrees(await treeOf(make, "a", "b"), await treeOf(make, "b", "a"))).toEqual([]);
  });
});

describe("a hostile archive", () => {
  it.each(hostileArchives("/nonexistent"))(
    "is read or refused, and only named: $what",
    async ({ archive }) => {
      const reading = readLayerTree(guestWith(archive), "/");
      await expect(
        reading.then(
          (tree) => [...tree.keys()].every((path) => path.startsWith("/")),
          (error: unknown) => error instanceof Error && "code" in error && error.code === "BAD_SOURCE",
        ),
      ).resolves.toBe(true);
    },
  );
});
