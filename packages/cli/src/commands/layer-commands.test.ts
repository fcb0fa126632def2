import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { type ExecRequest, run, sha256 } from "@ob/core";
import { type FakeGuest, FakeSandbox } from "@ob/core/testing";
import { describe, expect, it } from "vitest";
import type { Input } from "../process-io.ts";
import { temporaryDirectory } from "../testing/directory.ts";
import { createInterrupts, obuilder, fakeServices } from "../testing/run.ts";

const store = "--store=qemu:/nowhere";
const spec = "((from debian-12) (run (shell one)))";

/** Services with one layer, and a fake guest. */
async function builtServices(ephemeralGuest: FakeGuest = {}) {
  const services = fakeServices({ ephemeralGuest });
  const { stdout } = await obuilder(["build", store, "-f", "-", "."], { services, stdin: spec });
  return { services, id: /Got: "([0-9a-f]{64})"/.exec(stdout)?.[1] ?? "" };
}

describe("log", () => {
  it("prints the bytes of a layer's log", async () => {
    const { services, id } = await builtServices();
    expect(await obuilder(["log", store, id.slice(0, 9)], { services })).toEqual({
      code: 0,
      stdout: "one\n",
      stderr: "",
    });
  });

  it("prints it on a terminal without what could drive the terminal", async () => {
    const services = fakeServices({ run: ({ output }) => (output("a\x1b[2J\x1b[31mb\x9b\n"), 0) });
    const { stdout } = await obuilder(["build", store, "-f", "-", "."], { services, stdin: spec });
    const id = /Got: "([0-9a-f]{64})"/.exec(stdout)?.[1] ?? "";
    expect((await obuilder(["log", store, id], { services, terminal: true })).stdout).toBe(
      "a\x1b[31mb\n\x1b[0m",
    );
    expect((await obuilder(["log", store, id], { services })).stdout).toContain("\x1b[2J");
  });

  it("prints that of a failed step, by its whole id or a prefix", async () => {
    const services = fakeServices({ run: ({ output }) => (output("broken\n"), 1) });
    await obuilder(["build", store, "-f", "-", "."], { services, stdin: spec });
    const { stdout } = await obuilder(["plan", "--json", store, "-f", "-", "."], { services, stdin: spec });
    const failed: { id: string } = JSON.parse(stdout.split("\n")[1] ?? "");
    for (const id of [failed.id, failed.id.slice(0, 12)]) {
      expect((await obuilder(["log", store, id], { services })).stdout).toBe("broken\n");
    }
    // A failed step has no layer.
    expect((await obuilder(["delete", store, failed.id.slice(0, 12)], { services })).code).toBe(4);
  });

  it("reports a missing log", async () => {
    const { services } = await builtServices();
    expect((await obuilder(["log", store, "0".repeat(64)], { services })).code).toBe(4);
    expect((await obuilder(["log", store], { services })).code).toBe(2);
  });
});

describe("export", () => {
  it("writes a new file and prints its size, and replaces one only with --force", async () => {
    await using directory = await temporaryDirectory();
    const { services, id } = await builtServices();
    const file = path.join(directory.path, "disk.qcow2");
    expect(await obuilder(["export", store, id, file], { services })).toEqual({
      code: 0,
      stdout: `Wrote ${file} (64 B)\n`,
      stderr: "",
    });
    expect((await obuilder(["export", store, id, file], { services })).code).toBe(2);
    expect((await obuilder(["export", "--force", store, id, file], { services })).code).toBe(0);
  });

  it("writes an OCI image that KubeVirt takes as a containerDisk, the same bytes each time", async () => {
    await using directory = await temporaryDirectory();
    const { services, id } = await builtServices();
    const at = (name: string) => path.join(directory.path, name);
    for (const name of ["a.tar", "b.tar"]) {
      const result = await obuilder(["export", store, id, "--output", `type=oci,dest=${at(name)}`], {
        services,
      });
      expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(`^Wrote ${at(name)} \\(`) });
    }
    expect(await readFile(at("a.tar"))).toEqual(await readFile(at("b.tar")));
    const layout = ["export", store, id, "--output", `type=oci,dest=${at("layout")},tar=false,name=tools`];
    expect((await obuilder(layout, { services })).code).toBe(0);
    const read = async (digest: string): Promise<Buffer> => {
      const bytes = await readFile(at(`layout/blobs/${digest.replace(":", "/")}`));
      expect(`sha256:${sha256(bytes)}`).toBe(digest);
      return bytes;
    };
    const index = JSON.parse(await readFile(at("layout/index.json"), "utf8"));
    const manifest = JSON.parse((await read(index.manifests[0].digest)).toString());
    const config = JSON.parse((await read(manifest.config.digest)).toString());
    expect(config).toMatchObject({ architecture: "amd64", os: "linux", rootfs: { type: "layers" } });
    expect(config.rootfs.diff_ids).toEqual([manifest.layers[0].digest]);
    await writeFile(at("layer.tar"), await read(manifest.layers[0].digest));
    const { stdout } = await run(["tar", "--numeric-owner", "--utc", "-tvf", at("layer.tar")]);
    expect(stdout).toMatch(
      /^drwxr-xr-x 107\/107 +0 1970-01-01 00:00 disk\/\n-r--r----- 107\/107 +64 .* disk\/tools.qcow2$/,
    );
    expect(await readdir(directory.path)).toEqual(["a.tar", "b.tar", "layer.tar", "layout"]);
    const again = await obuilder(layout, { services });
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("--force replaces it")]);
    expect((await obuilder([...layout, "--force"], { services })).code).toBe(0);
    const foreign = ["export", store, id, "--force", "--output", `type=oci,dest=${directory.path},tar=false`];
    expect((await obuilder(foreign, { services })).code).toBe(2);
    expect(await readdir(directory.path)).toHaveLength(4);
  });

  it.each([
    ["dest=x", "--output needs type=local, type=tar"],
    ["type=docker,dest=x", "--output needs type=local"],
    ["type=oci", "--output type=oci needs dest="],
    ["type=local", "--output type=local needs dest="],
    ["type=raw,dest=-", "Only type=tar is written to standard output"],
    ["type=oci,dest=/no/such/x", "The directory /no/such cannot be opened"],
    ["type=tar,dest=/no/such/x", "The directory /no/such cannot be opened"],
    ["type=local,dest=package.json", "package.json is not a directory"],
    ["type=oci,dest=x,tra=true", 'has no attribute "tra"'],
    ["type=oci,dest=x,name=../x", "cannot be the name of a disk"],
    ["type=oci,dest=x,tar=maybe", "tar takes true or false"],
    ["type=oci,dest=x,compression=gzip", "compression takes zstd or uncompressed"],
    ["type=qcow2,dest=x,name=y", "has no attribute name"],
    ["type=vmdk,dest=x,compression=zstd", "has no attribute compression"],
    ["type=local,dest=x,tar=true", "has no attribute tar"],
  ])("refuses --output %s", async (output, message) => {
    const { services, id } = await builtServices();
    const { code, stderr } = await obuilder(["export", store, id, "--output", output], { services });
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  it("is compressed only where the format can be", async () => {
    const { services, id } = await builtServices();
    const words = ["export", store, id, "--compress", "--output", "type=vmdk,dest=x"];
    const { code, stderr } = await obuilder(words, { services });
    expect([code, stderr]).toEqual([2, expect.stringContaining("--compress does not go with type=vmdk")]);
  });

  it("needs a file", async () => {
    const { services, id } = await builtServices();
    const { code, stderr } = await obuilder(["export", store, id], { services });
    expect([code, stderr]).toEqual([2, expect.stringContaining("No file is given")]);
  });
});

describe("cp", () => {
  /** A guest whose files lie in a directory of the host, and a place to copy to. */
  async function copying() {
    const directory = await temporaryDirectory();
    const guest = path.join(directory.path, "guest");
    const out = path.join(directory.path, "out");
    await mkdir(path.join(guest, "opt/sub"), { recursive: true });
    await mkdir(out);
    await writeFile(path.join(guest, "opt/tool"), "a tool", { mode: 0o755 });
    await symlink("/etc/passwd", path.join(guest, "opt/link"));
    execFileSync("chmod", ["u+s", path.join(guest, "opt/tool")]);
    const readArchive: FakeGuest["readArchive"] = function* ({ path: wanted, followLink }) {
      // A link at the end of the path is followed, in every guest.
      expect(followLink).toBe(true);
      const file = path.join(guest, wanted);
      const isTree = wanted.endsWith("/") || !wanted.includes(".");
      const words = isTree ? ["-C", file, "."] : ["-C", path.dirname(file), `./${path.basename(file)}`];
      yield execFileSync("tar", ["--owner=7", "--group=8", "-cf", "-", ...words]);
    };
    const { services, id } = await builtServices({ readArchive });
    await writeFile(path.join(guest, "opt/file.txt"), "text");
    const cp = async (source: string, destination: string) =>
      await obuilder(["cp", store, `${id}:${source}`, destination], { services });
    return Object.assign(directory, { services, id, out, cp });
  }

  it("copies a directory into an existing one, or to a new name", async () => {
    await using setting = await copying();
    const { out, cp } = setting;
    expect(await cp("/opt", out)).toEqual({ code: 0, stdout: "", stderr: "" });
    expect((await readdir(path.join(out, "opt"))).toSorted()).toEqual(["file.txt", "link", "sub", "tool"]);
    await cp("opt", path.join(out, "renamed/"));
    expect(await readFile(path.join(out, "renamed/tool"), "utf8")).toBe("a tool");
  });

  it("copies the contents of a directory with a dot at its end", async () => {
    await using setting = await copying();
    await setting.cp("/opt/.", setting.out);
    expect(await readdir(setting.out)).toContain("tool");
  });

  it("copies a file into a directory, over another file, or to a new name", async () => {
    await using setting = await copying();
    const { out, cp } = setting;
    await writeFile(path.join(out, "old"), "old");
    for (const name of ["", "old", "new"]) await cp("/opt/file.txt", path.join(out, name));
    expect((await readdir(out)).toSorted()).toEqual(["file.txt", "new", "old"]);
    expect(await readFile(path.join(out, "old"), "utf8")).toBe("text");
  });

  it("gives files to the user who copies, without set-user-id and set-group-id bits", async () => {
    await using setting = await copying();
    await setting.cp("/opt", setting.out);
    const found = await stat(path.join(setting.out, "opt/tool"));
    expect([found.uid, found.mode & 0o7777]).toEqual([process.getuid?.(), 0o755]);
  });

  it("leaves nothing, and says why, if the destination is wrong", async () => {
    await using setting = await copying();
    const { out, cp, services } = setting;
    await writeFile(path.join(out, "file"), "mine");
    const wrong = [
      await cp("/opt", path.join(out, "file")),
      await cp("/opt/file.txt", path.join(out, "none/")),
      await cp("/opt", path.join(out, "no/such")),
      await cp("/opt/../etc", out),
    ];
    expect(wrong.map(({ code }) => code)).toEqual([2, 2, 2, 4]);
    expect(await readdir(out)).toEqual(["file"]);
    expect([services.store.openScratchDisks, services.sandbox.openGuests]).toEqual([0, 0]);
  });

  it("writes an archive to standard output, but not to a terminal", async () => {
    await using setting = await copying();
    const { stdout } = await setting.cp("/opt/file.txt", "-");
    const listed = execFileSync("tar", ["-tv", "--numeric-owner"], { input: stdout }).toString();
    expect(listed).toMatch(/^-rw-r--r-- 7\/8 +4 .* file\.txt\n$/);
  });

  it("follows all links in a directory with -L", async () => {
    await using setting = await copying();
    const { id, out } = setting;
    const asked: unknown[] = [];
    const spied = fakeServices({
      ephemeralGuest: {
        readArchive: ({ followLink, followAllLinks }) => {
          asked.push([followLink, followAllLinks]);
          return [Buffer.alloc(1024)];
        },
      },
    });
    await obuilder(["build", store, "-f", "-", "."], { services: spied, stdin: spec });
    for (const flags of [[], ["-L"]]) {
      expect((await obuilder(["cp", store, ...flags, `${id}:/opt`, out], { services: spied })).code).toBe(0);
    }
    expect(asked).toEqual([
      [true, false],
      [true, true],
    ]);
  });

  it("is refused into a layer, with what to do instead", async () => {
    await using setting = await copying();
    const { services, id, out } = setting;
    for (const words of [
      ["package.json", `${id}:/opt/`],
      [`${id}:/opt/tool`, "tools:1.2:/opt/"],
    ]) {
      const { code, stderr } = await obuilder(["cp", store, ...words], { services });
      expect([code, stderr]).toEqual([2, expect.stringContaining("Nothing can be copied into a layer")]);
      expect(stderr).toContain("(copy (src …) (dst …))");
    }
    // The name of something on the host.
    const odd = path.join(out, "c:");
    await mkdir(odd);
    expect((await obuilder(["cp", store, `${id}:/opt/file.txt`, `${odd}/`], { services })).code).toBe(0);
    expect(await readdir(odd)).toEqual(["file.txt"]);
    expect(services.sandbox.steps).toHaveLength(1);
  });

  it("needs a layer, a path and a destination", async () => {
    await using setting = await copying();
    const { services, id } = setting;
    const codes = [
      ["cp", store],
      ["cp", store, id, "x"],
      ["cp", store, `${id}:/opt`],
    ].map(async (words) => (await obuilder(words, { services })).code);
    expect(await Promise.all(codes)).toEqual([2, 2, 2]);
  });
});

describe("shell", () => {
  it("passes the arguments of a command unchanged, and exits with its code", async () => {
    const seen: Pick<ExecRequest, "command" | "user">[] = [];
    const execInteractive = async ({ command, user, stdio: terminal }: ExecRequest) => {
      seen.push({ command, user });
      expect(terminal.tty).toBeUndefined();
      for await (const chunk of terminal.input) terminal.output.write(`<${String(chunk)}>`);
      return 37;
    };
    const { services, id } = await builtServices({ execInteractive });
    const words = ["shell", store, "--user=7:8", id, "--", "ls", "-la", "--help", "--", "a b"];
    expect(await obuilder(words, { services, stdin: "typed" })).toEqual({
      code: 37,
      stdout: "<typed>",
      stderr: "",
    });
    expect(seen).toEqual([{ command: ["ls", "-la", "--help", "--", "a b"], user: { uid: 7, gid: 8 } }]);
    expect([services.store.openScratchDisks, services.sandbox.openGuests]).toEqual([0, 0]);
  });

  it("refuses an invalid user, and an unknown layer", async () => {
    const { services, id } = await builtServices();
    expect((await obuilder(["shell", store, "--user=a b", id], { services })).code).toBe(2);
    expect((await obuilder(["shell", store, "0".repeat(64)], { services })).code).toBe(4);
  });

  it("ends with its guest when it is interrupted", async () => {
    const interrupts = createInterrupts();
    const execInteractive = async (_: ExecRequest, signal?: AbortSignal) => {
      const { promise, reject } = Promise.withResolvers<number>();
      signal?.addEventListener("abort", () => reject(signal.reason));
      interrupts.interrupt("SIGTERM");
      return await promise;
    };
    const { services, id } = await builtServices({ execInteractive });
    expect((await obuilder(["shell", store, id], { services, interrupts })).code).toBe(143);
    expect(services.sandbox.openGuests).toBe(0);
  });
});

describe("build --on-error=shell", () => {
  it("is refused without a terminal, before anything runs", async () => {
    const services = fakeServices();
    const words = ["build", store, "--on-error=shell", "-f", "-", "."];
    const { code, stderr } = await obuilder(words, { services, stdin: spec });
    expect([code, stderr]).toEqual([2, expect.stringContaining("needs a terminal")]);
    expect(services.sandbox).toBeInstanceOf(FakeSandbox);
    expect(services.sandbox.steps).toEqual([]);
  });
});

describe("a terminal that a guest uses", () => {
  it("is raw meanwhile and restored afterwards, on errors too", async () => {
    const { openLocalTerminal } = await import("../terminal/local-terminal.ts");
    const { PassThrough } = await import("node:stream");
    const modes: boolean[] = [];
    const stdin: Input = Object.assign(new PassThrough(), {
      isTTY: true,
      setRawMode: (raw: boolean) => modes.push(raw),
    });
    const stdout = Object.assign(new PassThrough(), { isTTY: true, columns: 91, rows: 27 });
    const signal = new AbortController().signal;
    const io = {
      stdin,
      stdout,
      stderr: stdout,
      env: { TERM: "vt100" },
      signal,
      interruptedBy: () => undefined,
    };
    let resized = 0;
    const use = () => {
      using local = openLocalTerminal(io);
      const { tty: screen } = local.terminal;
      expect([screen?.kind, screen?.size()]).toEqual(["vt100", { columns: 91, rows: 27 }]);
      using listening = screen?.onResize(() => void resized++);
      void listening;
      stdout.emit("resize");
      throw new Error("anything");
    };
    expect(use).toThrow("anything");
    stdout.emit("resize");
    expect(modes).toEqual([true, false]);
    expect(resized).toBe(1);
  });
});
