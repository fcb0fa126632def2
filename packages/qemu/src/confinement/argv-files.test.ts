import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { escapeOptionValue } from "../argv/escape.ts";
import { filesInArgv, usesKvm } from "./argv-files.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "argv,files-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

function newFile(name: string): string {
  const path = join(directory, name);
  writeFileSync(path, "text");
  return path;
}

const found = (...argv: readonly string[]) =>
  filesInArgv(["qemu-system-x86_64", ...argv]).map(({ path, access }) => [path, access]);

describe("the files that a command line of QEMU names", () => {
  it("are written to if they are disks that are not read-only", () => {
    const file = newFile("a");
    const name = escapeOptionValue(file);
    expect(found("-drive", `if=virtio,format=qcow2,file=${name}`)).toEqual([[file, "write"]]);
    expect(found("-hda", file.replaceAll(",", ",,"))).toEqual([[file, "write"]]);
    expect(found("-drive", `format=raw,readonly=on,file=${name}`)).toEqual([[file, "read"]]);
    expect(found("-drive", `media=cdrom,file=${name}`)).toEqual([[file, "read"]]);
    expect(found("-kernel", name)).toEqual([[file, "read"]]);
    const node = { driver: "qcow2", file: { driver: "file", filename: file } };
    expect(found("-blockdev", JSON.stringify(node))).toEqual([[file, "write"]]);
    expect(found("-blockdev", JSON.stringify({ ...node, "read-only": true }))).toEqual([[file, "read"]]);
  });

  it("have files below them only if they are not raw, whatever their contents are", () => {
    const [name, argv0] = [escapeOptionValue(newFile("a")), "qemu-system-x86_64"];
    const chains = (option: string) =>
      filesInArgv([argv0, "-drive", option]).map(({ mayHaveBacking }) => mayHaveBacking);
    expect(chains(`format=qcow2,file=${name}`)).toEqual([true]);
    expect(chains(`format=raw,file=${name}`)).toEqual([false]);
  });

  it("are those of a TFTP server, but of no other directory", async () => {
    const tree = join(directory, "tree");
    mkdirSync(join(tree, "etc"), { recursive: true });
    const files = [newFile("tree/kernel"), newFile("tree/etc/conf"), join(tree, "link")];
    await symlink(newFile("elsewhere"), files[2] ?? "");
    const options = `user,tftp=${escapeOptionValue(tree)},bootfile=kernel`;
    expect(new Set(found("-nic", options).map(([path]) => path))).toEqual(new Set(files));
    expect(found("-fsdev", `local,path=${escapeOptionValue(tree)}`)).toEqual([]);
  });

  it("are not paths of the guest, devices, files of the system or files that are not there", () => {
    const name = escapeOptionValue(newFile("a"));
    expect(found("-append", `init=${name}`)).toEqual([]);
    expect(found("-drive", "file=/dev/null", "-kernel", "/usr/bin/env", "-initrd", `${name}.not`)).toEqual(
      [],
    );
  });
});

it("QEMU's command line says whether it uses KVM", () => {
  expect(usesKvm(["-accel", "kvm"])).toBe(true);
  expect(usesKvm(["-enable-kvm"])).toBe(true);
  expect(usesKvm(["-machine", "pc,accel=kvm:tcg"])).toBe(true);
  expect(usesKvm(["-accel", "tcg", "-cpu", "host,-kvm", "-kernel", "kvm"])).toBe(false);
});
