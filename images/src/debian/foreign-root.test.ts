import { chmod, lstat, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getuid } from "node:process";
import { run } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { unpackRoot } from "./foreign-root.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "unpack-root-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const files: Readonly<Record<string, string>> = {
  "DEBIAN/control":
    "Package: sample\nVersion: 1\nArchitecture: riscv64\nMulti-Arch: same\nMaintainer: x\nDescription: x\n more\n",
  "DEBIAN/conffiles": "/etc/sample.conf\n",
  "DEBIAN/triggers": "interest-noawait /usr/lib/sample\ninterest sample-changed\nactivate-noawait ldconfig\n",
  "DEBIAN/postinst": "#!/bin/sh\ntouch /this-ran\n",
  "bin/old": "as in Debian 12",
  "etc/sample.conf": "a = 1\n",
  "usr/bin/sample": "program",
  "usr/share/doc/sample/README": "left out",
  "usr/share/doc/sample/copyright": "kept",
  "usr/share/man/man1/sample.1": "left out",
};

/** Packs a package and unpacks it as a root file system. @returns a function from a path to the path in that root. */
async function unpackSample(): Promise<(path: string) => string> {
  const source = join(directory, "source");
  for (const [path, contents] of Object.entries(files)) {
    await mkdir(join(source, path, ".."), { recursive: true });
    await writeFile(join(source, path), contents);
  }
  await chmod(join(source, "DEBIAN/postinst"), 0o755);
  const deb = join(directory, "sample.deb");
  await run(["dpkg-deb", "--root-owner-group", "--build", source, deb]);
  const [root, scratch] = [join(directory, "root"), join(directory, "scratch")];
  for (const each of [join(root, "etc/dpkg/dpkg.cfg.d"), scratch]) await mkdir(each, { recursive: true });
  await unpackRoot([deb], {
    ...{ root, scratch, asRoot: [], signal: undefined, dpkgOptions: ["force-unsafe-io"] },
    excludePaths: ["/usr/share/doc/*", "!/usr/share/doc/*/copyright", "/usr/share/man/*"],
  });
  return (path) => join(root, path);
}

// Changing the owner to root takes root, or fakeroot as in the recipe.
describe.skipIf(getuid?.() !== 0)("a root made of packages (skipped for users other than root)", () => {
  it("contains their files without the excluded ones, with /bin as a link", async () => {
    const at = await unpackSample();
    await expect(readFile(at("bin/sample"), "utf8")).resolves.toBe("program");
    expect((await lstat(at("bin"))).isSymbolicLink()).toBe(true);
    await expect(readFile(at("usr/bin/old"), "utf8")).resolves.toBe("as in Debian 12");
    await expect(readFile(at("usr/share/doc/sample/copyright"), "utf8")).resolves.toBe("kept");
    await expect(lstat(at("usr/share/doc/sample/README"))).rejects.toThrow("ENOENT");
    await expect(lstat(at("usr/share/man/man1"))).rejects.toThrow("ENOENT");
  });

  it("has a dpkg database with all packages installed, though no script has run", async () => {
    const at = await unpackSample();
    const admin = `--admindir=${at("var/lib/dpkg")}`;
    const { stdout } = await run([
      "dpkg-query",
      admin,
      "--show",
      "--showformat",
      "${Status} ${Conffiles}",
      "sample",
    ]);
    expect(stdout).toBe("install ok installed  /etc/sample.conf 9358f2568f3316fe7e78a4fa7707c414");
    const { stdout: list } = await run(["dpkg-query", admin, "--listfiles", "sample"]);
    expect(list.split("\n")).toEqual(
      expect.arrayContaining(["/.", "/bin/old", "/etc/sample.conf", "/usr/bin", "/usr/bin/sample"]),
    );
    await expect(readFile(at("var/lib/dpkg/info/sample:riscv64.postinst"), "utf8")).resolves.toContain(
      "this-ran",
    );
  });

  it("has dpkg's triggers, by path and by name", async () => {
    const at = await unpackSample();
    const trigger = (name: string) => readFile(at(`var/lib/dpkg/triggers/${name}`), "utf8");
    await expect(trigger("File")).resolves.toBe("/usr/lib/sample sample:riscv64/noawait\n");
    await expect(trigger("sample-changed")).resolves.toBe("sample:riscv64\n");
  });
});
