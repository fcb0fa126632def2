import { readdir, readFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { ObError } from "@ob/core";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../testing/directory.ts";
import { createInterrupts, fakeServices, obuilder, type RunOptions } from "../testing/run.ts";

const store = "--store=qemu:/nowhere";
const build = ["build", store, "-f", "-", "."];
const spec = '((from debian-12) (workdir /src) (run (shell "make all")))';

type JsonObject = Readonly<Record<string, unknown>>;

const objectsIn = (text: string): readonly JsonObject[] =>
  text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));

/** The exit code, and the last line of `--progress=json`. */
async function resultOf(argv: readonly string[], options: RunOptions = {}) {
  const services = options.services ?? fakeServices();
  const { code, stdout } = await obuilder(argv, { ...options, services });
  const objects = objectsIn(stdout);
  expect(objects.filter(({ type }) => type === "result")).toHaveLength(1);
  return { code, result: objects.at(-1) ?? {} };
}

describe("--progress=json", () => {
  it.each<readonly [string, readonly string[], number, string]>([
    ["a spec that is missing", ["build", store, "-f", "missing.spec", "."], 2, "USAGE"],
    ["no spec", ["build", store, "."], 2, "USAGE"],
    ["an unknown option", [...build, "--jobz=3"], 2, "USAGE"],
    ["an option without its value", [...build, "--tag"], 2, "USAGE"],
    ["an argument too many", [...build, "more"], 2, "USAGE"],
    ["a wrong number", [...build, "-j0"], 2, "USAGE"],
    ["a secret that is missing", [...build, "--secret", "token:/missing"], 4, "BAD_SECRET"],
    ["a cluster without a queue", ["submit", "-f", "-", "."], 2, "USAGE"],
    ["a build that is not named", ["attach"], 2, "USAGE"],
  ])("ends with the result of a build with %s", async (...row) => {
    const [, argv, code, name] = row;
    const [command = "", ...rest] = argv;
    for (const asked of [["--progress=json"], ["--progress", "json"], ["--prog=json"]]) {
      const { result, ...ended } = await resultOf([command, ...asked, ...rest], { stdin: spec });
      expect(ended.code).toBe(code);
      expect(result).toMatchObject({
        type: "result",
        ...{ outcome: "failed", code: name, exitCode: code, location: null, step: null },
        ...{ saved: 0, cached: 0, milliseconds: 0 },
      });
    }
  });

  it("ends with the place of what is wrong in a spec, also in an empty one", async () => {
    for (const [stdin, line, column] of [
      ["", 1, 1],
      ["((from debian-12)\n (rum x))", 2, 3],
    ] as const) {
      const { code, result } = await resultOf([...build, "--progress=json"], { stdin });
      expect(code).toBe(3);
      expect(result).toMatchObject({ code: "BAD_SPEC", location: { file: "<stdin>", line, column } });
    }
  });

  it("ends with the exit code of the signal that cancelled the build", async () => {
    const interrupts = createInterrupts();
    const services = fakeServices({
      run: () => {
        interrupts.interrupt("SIGTERM");
        throw new ObError("GUEST_LOST", "QEMU ended.");
      },
    });
    const options = { stdin: spec, services, interrupts };
    const { code, result } = await resultOf([...build, "--progress=json"], options);
    expect(code).toBe(143);
    expect(result).toMatchObject({ outcome: "cancelled", code: "CANCELLED", exitCode: 143 });
  });

  it("is a result of builds only", async () => {
    for (const argv of [
      ["plan", "--progress=json", "--jobz"],
      ["build", "--jobz", "--", "--progress=json"],
      ["bild", "--progress=json"],
    ]) {
      expect(await obuilder(argv, { services: fakeServices() })).toMatchObject({ code: 2, stdout: "" });
    }
  });
});

describe("build --metadata-file", () => {
  /** A build that writes its metadata, and the document. */
  async function described(directory: string, argv: readonly string[] = [], options: RunOptions = {}) {
    const file = path.join(directory, "build.json");
    const ended = await obuilder([...build, "--metadata-file", file, ...argv], {
      stdin: spec,
      services: fakeServices(),
      ...options,
    });
    // Nothing but the file.
    expect(await readdir(directory)).toEqual(["build.json"]);
    const document: JsonObject = JSON.parse(await readFile(file, "utf8"));
    return { ...ended, document };
  }

  it("has the id, digest, names and times of the result, and its steps", async () => {
    await using directory = await temporaryDirectory();
    const services = fakeServices();
    const { code, stdout, document } = await described(directory.path, ["-t", "tools"], { services });
    expect(code).toBe(0);
    const [, id = ""] = /Got: "(\w+)"/.exec(stdout) ?? [];
    const [digest] = await services.store.layerDigests(
      [...services.store.list()].find((each) => each.id === id)?.id ?? expect.fail(),
    );
    const at = { file: "<stdin>", line: 1, column: expect.any(Number) };
    expect(document).toEqual({
      ...{ outcome: "succeeded", id, digest: `sha256:${digest}`, tags: ["tools"], saved: 2, cached: 0 },
      started: expect.stringMatching(/^\d{4}-.*Z$/),
      finished: expect.stringMatching(/^\d{4}-.*Z$/),
      milliseconds: expect.any(Number),
      steps: [
        expect.objectContaining({ op: "from", base: null, outcome: "saved", location: at }),
        {
          ...{
            id,
            op: "run",
            base: expect.any(String),
            heading: '/src: (run (shell "make all"))',
            build: [],
          },
          ...{
            outcome: "saved",
            location: at,
            started: expect.any(String),
            milliseconds: expect.any(Number),
          },
        },
      ],
    });
    // Another build replaces it.
    expect((await described(directory.path, [], { services })).document).toMatchObject({
      saved: 0,
      cached: 2,
      tags: [],
    });
  });

  it("has the error of a build that failed, with its step and the exit code", async () => {
    await using directory = await temporaryDirectory();
    const { code, document } = await described(directory.path, [], {
      services: fakeServices({ run: () => 7 }),
    });
    expect(code).toBe(1);
    expect(document).toMatchObject({
      ...{ outcome: "failed", code: "STEP_FAILED", exitCode: 1, location: { line: 1, column: 34 } },
      step: { heading: '/src: (run (shell "make all"))', status: 7 },
      steps: [{ outcome: "saved" }, { outcome: "failed" }],
    });
  });

  it("has the error of a build whose spec is wrong", async () => {
    await using directory = await temporaryDirectory();
    const { code, document } = await described(directory.path, [], { stdin: "" });
    expect(code).toBe(3);
    expect(document).toMatchObject({ outcome: "failed", code: "BAD_SPEC", location: { line: 1 }, steps: [] });
  });

  it("is refused before anything is built where it cannot be written", async () => {
    const services = fakeServices();
    for (const file of ["/no/such/file", ".", "package.json/file"]) {
      const { code, stderr } = await obuilder([...build, "--metadata-file", file], { stdin: spec, services });
      expect([code, stderr]).toEqual([2, expect.stringMatching(/directory/)]);
    }
    expect(services.sandbox.commands).toEqual([]);
  });

  it("goes to the end of a link, and to a device as it is", async () => {
    await using directory = await temporaryDirectory();
    const target = path.join(directory.path, "build.json");
    await writeFile(target, "old");
    const link = path.join(directory.path, "link");
    await symlink("build.json", link);
    for (const file of [link, "/dev/null"]) {
      const argv = [...build, "--metadata-file", file];
      expect((await obuilder(argv, { stdin: spec, services: fakeServices() })).code).toBe(0);
    }
    expect((await readdir(directory.path)).toSorted()).toEqual(["build.json", "link"]);
    expect(JSON.parse(await readFile(target, "utf8"))).toMatchObject({ outcome: "succeeded" });
  });
});
