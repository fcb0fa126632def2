import { describe, expect, it } from "vitest";
import { normalizeFlags } from "./flags.ts";
import { commonOptions, specOptions, storeOptions } from "./options.ts";
import { secretOptions } from "./secrets.ts";
import { sandboxOptions } from "./sandbox-flags.ts";

const options = { ...commonOptions, ...storeOptions, ...specOptions, ...secretOptions, ...sandboxOptions };
const read = (...words: readonly string[]) => normalizeFlags(words, options);

describe("normalizeFlags", () => {
  it("takes a value after a blank, an equals sign or directly", () => {
    expect(read("--store", "qemu:/s", "-f", "a.spec", ".")).toEqual(["--store=qemu:/s", "--f=a.spec", "."]);
    expect(read("--store=qemu:/s", "-fa.spec", ".")).toEqual(["--store=qemu:/s", "--f=a.spec", "."]);
    expect(read("-f=a=b")).toEqual(["--f=a=b"]);
  });

  it("takes any value, even one that begins with a hyphen", () => {
    expect(read("-f", "-", "--secret", "--weird:x")).toEqual(["--f=-", "--secret=--weird:x"]);
    expect(read("--store=")).toEqual(["--store="]);
  });

  it("reads grouped letters", () => {
    expect(read("-vvq")).toEqual(["--verbose", "--verbose", "--quiet"]);
    expect(read("-vfa.spec")).toEqual(["--verbose", "--f=a.spec"]);
  });

  it("completes an unambiguous prefix of a name, and prefers an exact name", () => {
    expect(read("--qemu-mem", "16", "--st=qemu:/s")).toEqual(["--qemu-memory=16", "--store=qemu:/s"]);
    expect(read("--verbosi=info")).toEqual(["--verbosity=info"]);
    expect(read("--verbose")).toEqual(["--verbose"]);
  });

  it("allows only repeatable options more than once", () => {
    expect(read("--secret", "a:b", "--secret=c:d")).toEqual(["--secret=a:b", "--secret=c:d"]);
    expect(() => read("-f", "a", "-f", "b")).toThrow("Option -f cannot be repeated.");
  });

  it("keeps what follows -- unchanged", () => {
    expect(read("-v", "--", "--store", "-x")).toEqual(["--verbose", "--", "--store", "-x"]);
  });

  it.each([
    [
      ["--qemu-guest=linux"],
      "Option --qemu-guest is ambiguous: it can be --qemu-guest-os, --qemu-guest-arch.",
    ],
    [["--verb"], "Option --verb is ambiguous: it can be --verbose, --verbosity."],
    [["--store"], "Option --store needs a value."],
    [["-f"], "Option -f needs a value."],
    [["--quiet=yes"], "Option --quiet is a flag and takes no value."],
    [["-x"], "Unknown option -x."],
    [["--constructor"], "Unknown option --constructor."],
    [["--docker-cpus=2"], "Option --docker-cpus belongs to the Docker backend"],
    [["--rsync-mode", "copy"], "rsync backend"],
  ])("refuses %j", (words, message) => {
    expect(() => read(...words)).toThrow(message);
  });

  it("suggests the nearest option", () => {
    expect(() => read("--stoer=x")).toThrow(
      expect.objectContaining({ code: "USAGE", hint: "Did you mean --store?" }),
    );
    expect(() => read("--qemu-cpu-s=2")).toThrow(
      expect.objectContaining({ hint: "Did you mean --qemu-cpus?" }),
    );
    expect(() => read("--something-else")).toThrow(expect.objectContaining({ hint: undefined }));
  });
});
