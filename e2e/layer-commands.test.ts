import { lstat, mkdir, readdir, readFile, readlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { layerId, sha256File } from "@ob/core";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { debugfs, newestCacheDisk } from "./support/disks.ts";
import { build, builtId, obuilder } from "./support/obuilder.ts";
import { imageName, temporaryStore, type TestStore } from "./support/store.ts";
import { talkingShell } from "./support/talking-shell.ts";
import { openTerminal } from "./support/tmux.ts";

const binary = path.resolve(import.meta.dirname, "../packages/cli/bin/obuilder-dev.js");
const machine = ["--qemu-memory", "512M", "--qemu-boot-time", "120"];

const makeTool = [
  talkingShell,
  "sudo mkdir -p /opt/tool/bin /opt/tool/.git",
  "cd /opt/tool",
  "echo 'echo I am a tool' | sudo tee bin/tool >/dev/null",
  "sudo ln bin/tool bin/twin",
  "sudo ln -s tool bin/link",
  "sudo touch .git/HEAD bin/.git",
  "sudo dd if=/dev/urandom of=big bs=1M count=3 status=none",
  "sudo chown -R 1234:1235 .",
  "sudo chmod 4750 bin/tool",
  "sha256sum big",
].join(" && ");

const spec = `((build tools
  ((from ${imageName})
   (run (shell "${makeTool}"))))
 (from ${imageName})
 (user (uid 1000) (gid 1000))
 (copy (from (build tools)) (src /opt/tool opt/tool/bin/link /opt/tool/bin/) (dst /srv/) (exclude .git))
 (run (shell "find /srv -printf '%P %y %m %U:%G %n %l\\n' | sort; cd /srv/tool && sha256sum big && rm bin/link")))`;

let store: TestStore;
let first = "";
/** The ids of the nested build's layer and of the last layer. */
const ids = { tools: "", last: "" };

beforeAll(async () => {
  store = await temporaryStore();
  const result = await build(store, spec);
  first = result.all;
  ids.last = builtId(first);
  ids.tools = [...first.matchAll(/---> saved as "([0-9a-f]{64})"/g)][1]?.[1] ?? "";
}, 400_000);
afterAll(async () => {
  await store[Symbol.asyncDispose]();
});

const inStore = (command: string, ...args: readonly string[]) => [
  command,
  `--store=qemu:${store.directory}`,
  ...args,
];

async function leftovers(): Promise<readonly string[]> {
  const places = ["result-tmp", "state/locks", "state/qemu/run"];
  const found = await Promise.all(places.map((place) => readdir(path.join(store.directory, place))));
  return found.flat();
}

test("files, directories and links are copied from a nested build, with their modes and the copy's owner", async () => {
  expect(first).toContain("--> finished");
  const found = first.split("\n").map((line) => line.trimEnd());
  expect(found).toEqual(
    expect.arrayContaining([
      "tool d 755 1000:1000 3",
      // The set-user-id bit was for another owner.
      "tool/bin/tool f 750 1000:1000 2",
      "tool/bin/twin f 750 1000:1000 2",
      "tool/bin/link l 777 1000:1000 1 tool",
      "bin/tool f 750 1000:1000 2",
      "bin/link l 777 1000:1000 1 tool",
      "link l 777 1000:1000 1 tool",
    ]),
  );
  expect(first).not.toContain(".git f");
  const [made, arrived] = [...first.matchAll(/^([0-9a-f]{64}) {2}big$/gm)];
  expect(arrived?.[1]).toBe(made?.[1]);
  expect(made?.[1]).toBeDefined();
});

test("the second time everything is cached and no program is run, and the source layer is unchanged", async () => {
  const disk = path.join(store.directory, "result", layerId(ids.tools), "rootfs", "image.qcow2");
  const before = await sha256File(disk);
  const again = await build(store, spec, { env: { PATH: "/nonexistent" } });
  expect(again.exitCode, again.all).toBe(0);
  expect(builtId(again.all)).toBe(ids.last);
  const copied = await obuilder([
    ...inStore("cp", ...machine),
    `${ids.tools.slice(0, 12)}:/opt/tool`,
    path.join(store.work, "tool"),
  ]);
  expect(copied.exitCode, copied.all).toBe(0);
  expect(copied.all).toBe("");
  expect(await sha256File(disk)).toBe(before);
  const tool = path.join(store.work, "tool");
  expect((await lstat(path.join(tool, "bin/tool"))).mode & 0o7777).toBe(0o750);
  expect((await lstat(path.join(tool, "bin/twin"))).ino).toBe((await lstat(path.join(tool, "bin/tool"))).ino);
  expect(await readlink(path.join(tool, "bin/link"))).toBe("tool");
  expect(first).toContain(await sha256File(path.join(tool, "big")));
  expect(await leftovers()).toEqual([]);
});

test("cp writes a tar archive with the guest's owners, and reports a missing path", async () => {
  const archive = await execa(
    process.execPath,
    [binary, ...inStore("cp", ...machine), `${ids.tools}:opt/tool/bin/.`, "-"],
    {
      encoding: "buffer",
    },
  );
  expect(archive.stderr.toString()).toBe("");
  const { stdout } = await execa("tar", ["-tvf", "-", "--numeric-owner"], { input: archive.stdout });
  // One of the two is the file and the other a hard link to it, in the order of the directory.
  expect(stdout).toMatch(/^-rwsr-x--- 1234\/1235 .* (?:tool|twin)$/m);
  expect(stdout).toMatch(/^hrwsr-x--- 1234\/1235 .* (?:tool link to twin|twin link to tool)$/m);
  expect(stdout).toMatch(/^l.* link -> tool$/m);
  const missing = await obuilder([...inStore("cp", ...machine), `${ids.tools}:/no/such`, store.work]);
  expect(missing.exitCode).toBe(4);
  expect(missing.stderr).toContain('"/no/such"');
});

test("a build writes its files, its disk and its metadata, and cp -L copies what links lead to", async () => {
  const [out, raw, metadata] = ["out", "disk.raw", "build.json"].map((name) => path.join(store.work, name));
  const outputs = [`type=local,src=/srv/tool,dest=${out}`, `type=raw,dest=${raw}`].flatMap((each) => [
    "--output",
    each,
  ]);
  const built = await build(store, spec, { flags: [...outputs, "--metadata-file", metadata ?? ""] });
  expect(built.exitCode, built.all).toBe(0);
  expect((await readdir(out ?? "")).toSorted()).toEqual(["big", "bin"]);
  expect(first).toContain(await sha256File(path.join(out ?? "", "big")));
  const disk = path.join(store.directory, "result", layerId(ids.last), "rootfs", "image.qcow2");
  expect(
    (await execa("qemu-img", ["compare", "-f", "raw", "-F", "qcow2", raw ?? "", disk])).stdout,
  ).toContain("identical");
  expect(JSON.parse(await readFile(metadata ?? "", "utf8"))).toMatchObject({
    ...{
      outcome: "succeeded",
      id: ids.last,
      digest: `sha256:${await sha256File(disk)}`,
      saved: 0,
      cached: 5,
    },
  });
  const copied = await obuilder([
    ...inStore("cp", ...machine, "-L"),
    `${ids.tools}:/opt/tool/bin`,
    store.work,
  ]);
  expect(copied.exitCode, copied.all).toBe(0);
  expect((await lstat(path.join(store.work, "bin/link"))).isFile()).toBe(true);
  expect(await readFile(path.join(store.work, "bin/link"), "utf8")).toBe("echo I am a tool\n");
});

test("log prints the step's output", async () => {
  const { stdout, exitCode } = await obuilder([...inStore("log"), ids.tools.slice(0, 8)]);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^[0-9a-f]{64} {2}big$/);
});

test("an exported disk boots as the base image of another store", async () => {
  await using other = await temporaryStore();
  const images = path.join(other.directory, "base-image");
  const file = path.join(images, "with-tool.qcow2");
  const exported = await obuilder([...inStore("export", "--compress"), ids.last, file]);
  expect(exported.exitCode, exported.all).toBe(0);
  expect((await obuilder([...inStore("export"), ids.last, file])).exitCode).toBe(2);
  const archive = path.join(store.work, "disk.tar");
  const image = await obuilder([
    ...inStore("export", "--compress", "--output", `type=oci,dest=${archive}`),
    ids.last,
  ]);
  expect(image.exitCode, image.all).toBe(0);
  expect(await diskInImage(archive)).toBe(await sha256File(file));
  const info: unknown = JSON.parse((await execa("qemu-img", ["info", "--output=json", file])).stdout);
  expect(info).not.toHaveProperty("backing-filename");
  const manifest: Record<string, unknown> = JSON.parse(
    await readFile(path.join(images, `${imageName}.json`), "utf8"),
  );
  const { sha256: _, ...rest } = manifest;
  await writeFile(path.join(images, "with-tool.json"), JSON.stringify({ ...rest, name: "with-tool" }));
  const built = await build(other, `((from with-tool) (run (shell "ls -l /srv/tool/bin")))`);
  expect(built.exitCode, built.all).toBe(0);
  expect(built.all).toMatch(/^-rwxr-x--- 2 opam opam .* tool$/m);
});

test("shell reads piped input and returns the command's exit code, as any user", async () => {
  const script = "cat; id -u; [ -t 0 ] || echo no terminal; touch /srv/new; sleep 700 & exit 37";
  const { exitCode, stdout } = await obuilder(
    [...inStore("shell", ...machine, "--user", "root"), ids.last, "--", "sh", "-c", script],
    { input: "piped in\n" },
  );
  expect(stdout).toBe("piped in\n0\nno terminal");
  expect(exitCode).toBe(37);
  expect(await leftovers()).toEqual([]);
});

test("an interactive shell has the window's size, receives Ctrl-C, and restores the terminal", async () => {
  const line = [process.execPath, binary, ...inStore("shell", ...machine), ids.last].join(" ");
  await using terminal = await openTerminal(line, { columns: 91, rows: 27 });
  await terminal.waitFor(/\$ $/m);
  await terminal.type("stty size", "Enter");
  await terminal.waitFor(/^27 91\n.*\$ $/m);
  // The shell polls: it can read the size before the change arrives.
  await terminal.type(
    "until [ `stty size | tr -d ' '` = 31103 ]; do sleep 0.1; done; echo; stty size",
    "Enter",
  );
  await terminal.resize({ columns: 103, rows: 31 });
  await terminal.waitFor(/^31 103$/m);
  // Before the command runs, the shell itself would receive the Ctrl-C.
  await terminal.type("sh -c 'echo asleep; exec sleep 600'", "Enter");
  await terminal.waitFor(/^asleep$/m);
  await terminal.type("C-c", "");
  await terminal.type("echo interrupted $?", "Enter");
  await terminal.waitFor(/^interrupted 130$/m);
  await terminal.type("exit 21", "Enter");
  expect(await terminal.waitFor(/^-?icanon$/m)).toMatch(/^exit status 21\nicanon$/m);
  expect(await leftovers()).toEqual([]);
});

test("--on-error=shell opens the failed step's VM as its user sees it, and then the build fails", async () => {
  const file = path.join(store.work, "failing.spec");
  const failing = `((from ${imageName}) (user (uid 1000) (gid 1000)) (workdir /tmp/here) (env GREETING "good day")
    (run (cache (looked (target /var/cache/looked))) (shell "echo made > thing; cp thing /var/cache/looked; sleep 700 & exit 9")))`;
  await writeFile(file, failing);
  const line = [
    process.execPath,
    binary,
    ...inStore("build", ...machine),
    "--on-error=shell",
    "-f",
    file,
    store.work,
  ];
  await using terminal = await openTerminal(line.join(" "), { columns: 100, rows: 40 });
  await terminal.waitFor(/exit status 9\b.*/);
  await terminal.type('echo "$GREETING, $(id -u), $(pwd), $(cat thing)"', "Enter");
  await terminal.waitFor(/^good day, 1000, \/tmp\/here, made$/m);
  // The shell exits in the cache's directory, and leaves a process running there.
  await terminal.type("cd /var/cache/looked; sleep 600 & cat thing && echo typed > typed; exit 5", "Enter");
  const end = await terminal.waitFor(/^-?icanon$/m);
  expect(end).toContain("Build step failed");
  expect(end).toMatch(/^exit status 1\nicanon$/m);
  expect((await readdir(path.join(store.directory, "result"))).length).toBe(4);
  // The cache is unmounted cleanly and kept, with what was typed into it.
  const cache = await newestCacheDisk(store, "looked");
  expect(await debugfs(cache, "cat /typed")).toBe("typed");
});

/** The sha256 of the disk in an OCI archive; by way of skopeo, where it is installed. */
async function diskInImage(archive: string): Promise<string> {
  const directory = path.join(store.work, "image");
  await mkdir(directory);
  const hasSkopeo = (await execa("skopeo", ["--version"], { reject: false })).exitCode === 0;
  if (hasSkopeo) await execa("skopeo", ["copy", `oci-archive:${archive}`, `dir:${directory}`]);
  else await execa("tar", ["-xf", archive, "-C", directory]);
  const { stdout: layer } = await execa("find", [directory, "-type", "f", "-size", "+1024k"]);
  await execa("tar", ["-xf", layer, "-C", directory]);
  return await sha256File(path.join(directory, "disk", `${ids.last.slice(0, 12)}.qcow2`));
}
