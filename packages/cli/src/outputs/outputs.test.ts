import { execFileSync } from "node:child_process";
import { lstat, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import type { ExportOptions, LayerId } from "@ob/core";
import {
  archiveEnd,
  directory as directoryEntry,
  entryBlocks,
  type FakeGuest,
  file,
  hostileArchives,
  root,
} from "@ob/core/testing";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../testing/directory.ts";
import { fakeServices, obuilder } from "../testing/run.ts";

const at = "--store=qemu:/nowhere";
const spec = "((from debian-12) (run (shell one)))";

/** A guest with a file, a link, a device and a directory, whose paths are asked for; and a place for outputs. */
async function setting(readArchive?: FakeGuest["readArchive"]) {
  const directory = await temporaryDirectory();
  const guest = path.join(directory.path, "guest");
  const out = path.join(directory.path, "out");
  await mkdir(path.join(guest, "opt/sub"), { recursive: true });
  await mkdir(out);
  await writeFile(path.join(guest, "opt/tool"), "a tool");
  await symlink("/etc/passwd", path.join(guest, "opt/link"));
  execFileSync("mkfifo", [path.join(guest, "opt/pipe")]);
  const asked: string[] = [];
  const packed: FakeGuest["readArchive"] = function* ({ path: wanted }) {
    asked.push(wanted);
    const words =
      wanted === "/opt/tool"
        ? ["-C", path.join(guest, "opt"), "./tool"]
        : ["-C", path.join(guest, wanted), "."];
    yield execFileSync("tar", ["--owner=7", "--group=8", "-cf", "-", ...words], {
      stdio: ["ignore", "pipe", "ignore"],
    });
  };
  const services = fakeServices({ ephemeralGuest: { readArchive: readArchive ?? packed } });
  const build = (...argv: readonly string[]) =>
    obuilder(["build", at, "-f", "-", ...argv, "."], { services, stdin: spec });
  const built = await build();
  const id = /Got: "([0-9a-f]{64})"/.exec(built.stdout)?.[1] ?? "";
  const exportTo = (output: string, ...argv: readonly string[]) =>
    obuilder(["export", at, id, "--output", output, ...argv], { services });
  return Object.assign(directory, { services, id, out, asked, build, exportTo });
}

/** The entries of an archive, with their numeric owners. */
const list = (archive: string | Buffer): string =>
  execFileSync("tar", ["-tv", "--numeric-owner"], { input: archive }).toString();

describe("type=local", () => {
  it("writes the files below a directory, which is made, as the user's own", async () => {
    await using places = await setting();
    const { out, exportTo, asked } = places;
    const target = path.join(out, "a/b");
    expect(await exportTo(`type=local,dest=${target}`)).toEqual({
      code: 0,
      stdout: `Wrote ${target}\n`,
      stderr: expect.stringContaining("opt/pipe"),
    });
    expect((await readdir(path.join(target, "opt"))).toSorted()).toEqual(["link", "sub", "tool"]);
    expect((await lstat(path.join(target, "opt/tool"))).uid).toBe(process.getuid?.());
    expect(asked).toEqual(["/"]);
    // BuildKit's short form.
    expect((await exportTo(path.join(out, "short"))).code).toBe(0);
    expect(await readdir(path.join(out, "short"))).toEqual(["opt"]);
  });

  it("takes src: the contents of a directory, or a file", async () => {
    await using places = await setting();
    const { out, exportTo } = places;
    await exportTo(`type=local,src=/opt,dest=${out}`);
    await exportTo(`type=local,src=/opt/tool,dest=${path.join(out, "one")}`);
    expect((await readdir(out)).toSorted()).toEqual(["link", "one", "sub", "tool"]);
    expect(await readdir(path.join(out, "one"))).toEqual(["tool"]);
  });

  it("leaves nothing of an archive that is refused, nor does type=tar", async () => {
    let sent: Uint8Array = archiveEnd;
    await using places = await setting(() => [sent]);
    const { out, exportTo } = places;
    const before = await readdir(places.path, { recursive: true });
    const refused = hostileArchives(places.path).filter(({ result }) => "refused" in result);
    expect(refused.length).toBeGreaterThan(20);
    for (const [index, { what, archive }] of refused.entries()) {
      sent = archive;
      // unpack/hostile-archives.test.ts unpacks all of them.
      const local = index % 10 === 0 ? [`type=local,dest=${out}/a/b`] : [];
      for (const output of [...local, `type=tar,dest=${out}/x.tar`]) {
        const { code, stdout } = await exportTo(output);
        expect([code, stdout], `${what}, ${output}`).toEqual([4, ""]);
      }
    }
    expect(await readdir(places.path, { recursive: true })).toEqual(before);
  });

  it("writes through no link that is in the destination", async () => {
    await using places = await setting(() => [
      ...[root, directoryEntry("sub"), file("sub/x")].map(entryBlocks),
      archiveEnd,
    ]);
    const { out, exportTo } = places;
    await mkdir(path.join(places.path, "elsewhere"));
    await symlink("../elsewhere", path.join(out, "sub"));
    expect((await exportTo(`type=local,dest=${out}`)).code).toBe(2);
    expect(await readdir(path.join(places.path, "elsewhere"))).toEqual([]);
  });
});

describe("type=tar", () => {
  it("writes an archive with the guest's owners and pipes, to a file or to standard output", async () => {
    await using places = await setting();
    const { out, exportTo, services, id } = places;
    const target = path.join(out, "files.tar");
    expect(await exportTo(`type=tar,src=/opt,dest=${target}`)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Wrote .*files\.tar \(.* KiB\)\n$/),
    });
    expect(await readdir(out)).toEqual(["files.tar"]);
    const listed = list(await readFile(target));
    expect(listed).toMatch(/^-\S+ 7\/8 .* tool$/m);
    expect(listed).toMatch(/^p\S+ 7\/8 .* pipe$/m);
    for (const output of ["type=tar,src=/opt", "type=tar,src=/opt,dest=-"])
      expect(list((await exportTo(output)).stdout)).toBe(listed);
    expect(list((await exportTo("-")).stdout)).toContain("opt/tool");
    const shown = await obuilder(["export", at, id, "-o", "-"], { services, terminal: true });
    expect(shown).toMatchObject({ code: 2, stderr: expect.stringContaining("not written to a terminal") });
  });

  it("replaces a file only with --force, and never something else", async () => {
    await using places = await setting();
    const { out, exportTo, asked } = places;
    const target = path.join(out, "files.tar");
    await writeFile(target, "mine");
    expect(await exportTo(`type=tar,dest=${target}`)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--force replaces it"),
    });
    expect((await exportTo(`type=tar,dest=${out}`, "--force")).code).toBe(2);
    expect((await exportTo("type=tar,dest=/dev/null", "--force")).code).toBe(2);
    expect([await readFile(target, "utf8"), asked]).toEqual(["mine", []]);
    expect((await exportTo(`type=tar,dest=${target}`, "--force")).code).toBe(0);
    expect(list(await readFile(target))).toContain("opt/tool");
  });
});

describe("build --output", () => {
  it("writes each output after the build, in place of that of an earlier one", async () => {
    await using places = await setting();
    const { out, build, services, id } = places;
    const formats: unknown[] = [];
    const exported = services.store.export.bind(services.store);
    services.store.export = async (layer: LayerId, options: ExportOptions) => {
      formats.push([options.format, options.compress]);
      await exported(layer, options);
    };
    const outputs = [
      ...["qcow2", "raw", "vmdk", "vhdx"].map(
        (type) => `type=${type},dest=${path.join(out, `disk.${type}`)}`,
      ),
      `type=qcow2,compression=zstd,dest=${path.join(out, "small.qcow2")}`,
      `type=oci,dest=${path.join(out, "image.tar")}`,
      `type=local,src=/opt,dest=${path.join(out, "files")}`,
    ].flatMap((output) => ["--output", output]);
    for (let times = 0; times < 2; times += 1) {
      const { code, stdout, stderr } = await build(...outputs);
      expect([code, stderr.match(/^Wrote /gm)]).toEqual([0, Array(7).fill("Wrote ")]);
      expect(stdout).toMatch(new RegExp(`\\nGot: "${id}"\\n$`));
    }
    expect(formats.slice(0, 6)).toEqual([
      ["qcow2", false],
      ["raw", false],
      ["vmdk", false],
      ["vhdx", false],
      ["qcow2", true],
      [undefined, false],
    ]);
    expect((await readdir(out)).toSorted()).toEqual(
      ["disk.qcow2", "disk.raw", "disk.vhdx", "disk.vmdk", "files", "image.tar", "small.qcow2"].toSorted(),
    );
    expect(await readFile(path.join(out, "disk.vmdk"), "utf8")).toBe(id);
    expect([services.store.openScratchDisks, services.sandbox.openGuests]).toEqual([0, 0]);
  });

  it("keeps standard output for the archive, and shows the build on standard error", async () => {
    await using places = await setting();
    const { build, id } = places;
    const { code, stdout, stderr } = await build("-o", "type=tar,src=/opt,dest=-");
    expect(code).toBe(0);
    expect(list(stdout)).toContain("tool");
    expect(stderr).toContain(`Got: "${id}"`);
    const both = await build("-o", "-", "--progress=json");
    expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining("cannot both be written") });
    expect((await build("-o", "-", "-o", "-")).code).toBe(2);
  });

  it("is refused before anything is built, and fails a build that cannot be written", async () => {
    await using places = await setting();
    const { out, build, services } = places;
    const steps = services.sandbox.steps.length;
    expect((await build("-o", "type=raw,dest=/no/such/x")).code).toBe(2);
    expect((await build("-o", "type=rar,dest=x")).code).toBe(2);
    expect(services.sandbox.steps).toHaveLength(steps);
    const failing = await build("--progress=json", "-o", `type=local,src=/missing,dest=${out}`);
    expect(failing.code).toBe(4);
    expect(JSON.parse(failing.stdout.trimEnd().split("\n").at(-1) ?? "")).toMatchObject({
      type: "result",
      outcome: "failed",
    });
  });
});
