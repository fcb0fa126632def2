import { execFile, execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeFifo } from "./fifo.test.helper.ts";
import { generateManifest } from "./manifest.ts";

let sourceDirectory = "";
beforeEach(async () => {
  sourceDirectory = await mkdtemp(join(tmpdir(), "ob-uncopyable-"));
  await mkdir(join(sourceDirectory, "d"));
});
afterEach(async () => {
  await rm(sourceDirectory, { recursive: true });
});

const below = (name: string) => join(sourceDirectory, "d", name);
const manifest = async (source = ".") => await generateManifest(source, { sourceDirectory });
const waysOut = expect.stringMatching(/`\(exclude …\)`.*\.obuilderignore/);

describe("a file of a kind that cannot be copied", () => {
  test("is a socket", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(below("sock"), resolve);
    });
    const message = '"d/sock" is a socket, which cannot be copied.';
    await expect(manifest()).rejects.toMatchObject({ code: "BAD_SOURCE", message, hint: waysOut });
    server.close();
  });

  test("is a FIFO", async () => {
    makeFifo(below("pipe"));
    const message = '"d/pipe" is a FIFO, which cannot be copied.';
    await expect(manifest()).rejects.toMatchObject({ code: "BAD_SOURCE", message, hint: waysOut });
  });

  test.skipIf(process.getuid?.() !== 0)("is a device (needs root)", async (context) => {
    try {
      execFileSync("mknod", [below("null"), "c", "1", "3"], { stdio: "ignore" });
    } catch {
      context.skip("this root may not make devices");
    }
    const message = '"d/null" is a device, which cannot be copied.';
    await expect(manifest()).rejects.toMatchObject({ code: "BAD_SOURCE", message, hint: waysOut });
  });

  test("and is the source itself cannot be excluded", async () => {
    makeFifo(below("pipe"));
    const hint = "`copy` takes files, directories and symbolic links.";
    await expect(manifest("d/pipe")).rejects.toMatchObject({ code: "BAD_SOURCE", hint });
  });
});

describe("what this user may not read", () => {
  /** Describes the source directory as a user whom file modes bind, and returns the error. */
  const failure = async (source: string): Promise<unknown> => {
    const script = `const { generateManifest } = await import("./manifest.ts");
      const options = { sourceDirectory: ${JSON.stringify(sourceDirectory)} };
      const error = await generateManifest(${JSON.stringify(source)}, options).catch((error) => error);
      console.log(JSON.stringify({ code: error.code, message: error.message, hint: error.hint }));`;
    const node = ["--conditions=@ob/source", "--experimental-strip-types", "--no-warnings"];
    const argv = [process.execPath, ...node, "--input-type=module", "-e", script];
    // Root without capabilities.
    if (process.getuid?.() === 0) argv.unshift("setpriv", "--inh-caps=-all", "--bounding-set=-all");
    const [file = "", ...words] = argv;
    const { stdout } = await promisify(execFile)(file, words, { cwd: import.meta.dirname });
    return JSON.parse(stdout);
  };
  const unreadable = (path: string) => ({
    code: "BAD_SOURCE",
    message: `${JSON.stringify(path)} cannot be copied: this user may not read it.`,
    hint: waysOut,
  });

  test("is a file", async () => {
    await writeFile(below("private"), "");
    await chmod(below("private"), 0);
    expect(await failure(".")).toEqual(unreadable("d/private"));
    expect(await failure("d/private")).toEqual(unreadable("d/private"));
  });

  test.each([
    ["that may not be listed", 0o300, "d/closed"],
    ["that may not be entered", 0o400, "d/closed/file"],
  ])("is in a directory %s", async (_, mode, named) => {
    await mkdir(below("closed"));
    await writeFile(below("closed/file"), "");
    await chmod(below("closed"), mode);
    expect(await failure("d")).toEqual(unreadable(named));
    await chmod(below("closed"), 0o700);
  });
});

test("a link to a directory outside stays a link", async () => {
  await symlink("/etc", below("link"));
  expect(await manifest()).toMatchObject({
    entries: [{ path: "d", entries: [{ kind: "symlink", path: "d/link", target: "/etc" }] }],
  });
});
