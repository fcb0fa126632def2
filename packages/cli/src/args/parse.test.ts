import { describe, expect, it } from "vitest";
import { commands } from "../commands/registry.ts";
import { obuilder } from "../testing/run.ts";
import { temporaryDirectory } from "../testing/directory.ts";
import { commonOptions, storeOptions } from "./options.ts";

describe("help", () => {
  it("lists the commands and the exit codes", async () => {
    const { code, stdout, stderr } = await obuilder(["--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatchInlineSnapshot(`
      "obuilder COMMAND [options]

      Builds specs in virtual machines, and stores each step as a layer.

      Commands:
        obuilder build            Build a spec
        obuilder plan             Show the steps of a spec, their ids, and which are
                                  in the store
        obuilder fmt              Format specs
        obuilder lint             Find what is probably not meant in specs
        obuilder dockerfile       Convert a spec to a Dockerfile
        obuilder language-server  Serve editors by the Language Server Protocol
        obuilder ls               List layers
        obuilder inspect          Print all that is known of a layer
        obuilder history          Show the steps that a layer is the result of
        obuilder diff             Show which files differ between two layers
        obuilder du               Show what takes space in the store
        obuilder tag              Give a layer a name
        obuilder untag            Remove a name of a layer
        obuilder log              Print the log of a layer
        obuilder builds           List or remove the records of builds
        obuilder report           Write a page about a build
        obuilder cp               Copy files out of a layer
        obuilder shell            Open a shell in an ephemeral VM on a layer
        obuilder export           Export a layer's disk as one bootable qcow2 file
        obuilder image            Build, check, import, list and remove base images
        obuilder healthcheck      Check that a base image boots and runs a command
        obuilder config           Show which options are set, and where
        obuilder doctor           Check what this host has for builds and what it
                                  lacks
        obuilder delete           Delete a layer and all layers based on it
        obuilder prune            Delete least recently used layers
        obuilder cache            List, remove or prune cache disks
        obuilder submit           Build a spec on a cluster
        obuilder attach           Show a build of a cluster
        obuilder cancel           Cancel a build of a cluster
        obuilder worker           Build for a cluster
        obuilder cluster          Show a cluster, drain its workers, make keys
        obuilder completion       Print a script for a shell that completes words
        obuilder clean            Delete all layers

      Messages:
        -v, --verbose          Log what is done and each program that is run; repeat
                               for debug output
        -q, --quiet            Print no warnings
            --verbosity=LEVEL  One of quiet, app, error, warning, info, debug
            --color=WHEN       auto, always or never
            --config=FILE      Read settings from FILE (JSON or a module) instead of
                               obuilder.json beside the spec
            --no-config        Read no settings files
        -h, --help             Show this help
            --version          Show the version

      \`obuilder help COMMAND\` shows the options of a command.

      Exit codes:
        0    success
        1    a step of the build failed, or a check found something
        2    the command line is wrong
        3    the spec is wrong
        4    any other failure: the store, an image, QEMU, ...
        124  a time limit was exceeded
        130  cancelled by Ctrl-C (143 by SIGTERM)
      "
    `);
  });

  it("of a command shows its options and examples", async () => {
    const { code, stdout } = await obuilder(["help", "prune"]);
    expect(code).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "obuilder prune [options]

      Deletes layers, caches and VM snapshots, least recently used first, until what
      is left is as small as the options say. A layer that another is based on stays,
      and so does what a running build uses, and layers with tags and what they are
      based on. Base images are kept. Without a filter --older-than also removes the
      records of builds that ended before then. On a terminal it shows what it will
      delete and asks.

      Store:
            --store=qemu:DIR  The store of layers (default: $OBUILDER_STORE)

      Filters:
            --older-than=SPAN      Only what was not used for this long: 12h, 7d, 2w
            --max-used-space=SIZE  Delete until all takes at most this: 20GB (as
                                   20GiB), or 15% of the disk
            --min-free-space=SIZE  Delete until this much of the disk is free
            --reserved-space=SIZE  Leave this much in any case; alone: delete until
                                   this much is left
            --filter=KEY=VALUE     Only what this matches, also with != or ~=: type
                                   (layer, cache, snapshot), id, parents, description,
                                   inuse, mutable, immutable; until=SPAN. Can be
                                   repeated: then all must match
            --keep=N               Keep this many layers in the store; only layers are
                                   deleted
            --limit=N              Delete at most this many layers, and nothing else
            --dry-run              Only print what would be deleted
        -f, --force                Do not ask on a terminal

      Output:
            --json  One object: {"dryRun", "bytes", "builds", "removed": [{"type",
                    "id", "description", "bytes", "lastUsed"}]}

      Messages:
        -v, --verbose          Log what is done and each program that is run; repeat
                               for debug output
        -q, --quiet            Print no warnings
            --verbosity=LEVEL  One of quiet, app, error, warning, info, debug
            --color=WHEN       auto, always or never
            --config=FILE      Read settings from FILE (JSON or a module) instead of
                               obuilder.json beside the spec
            --no-config        Read no settings files
        -h, --help             Show this help
            --version          Show the version

      Examples:
        obuilder prune --store=qemu:/var/cache/obuilder --older-than 7d
            what was not used for a week
        obuilder prune ... --max-used-space 50GB --reserved-space 10GB
            keep the store small
        obuilder prune ... --min-free-space 20% --filter type=cache
            make room, of caches only
        obuilder prune ... --keep 100 --dry-run
            which layers exceed a hundred

      Exit codes:
        0    success
        1    a step of the build failed, or a check found something
        2    the command line is wrong
        3    the spec is wrong
        4    any other failure: the store, an image, QEMU, ...
        124  a time limit was exceeded
        130  cancelled by Ctrl-C (143 by SIGTERM)
      "
    `);
  });

  it.each(Object.keys(commands))("of %s fits into 80 columns and shows no internals", async (name) => {
    const { code, stdout, stderr } = await obuilder([name, "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`obuilder ${name} [options]`);
    expect(stdout).toContain("Examples:\n");
    expect(stdout).not.toMatch(/undefined|\[object|--fast-sync/);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    expect((await obuilder(["help", name])).stdout).toBe(stdout);
  });

  it("is shown before other errors", async () => {
    expect((await obuilder(["build", "--help=plain", "a", "b", "c"])).code).toBe(0);
    expect((await obuilder(["help"])).stdout).toBe((await obuilder(["--help"])).stdout);
  });

  it("is printed as an error without a command", async () => {
    const { code, stdout, stderr } = await obuilder([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("Commands:\n");
  });
});

it("prints the version", async () => {
  expect(await obuilder(["--version"])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
  });
  expect((await obuilder(["build", "--version"])).stdout).toMatch(/^\d/);
});

describe("a mistyped line", () => {
  it.each([
    [["biuld", "."], "Unknown command \"biuld\".\nHint: Did you mean build?\nTry 'obuilder --help'"],
    [["frobnicate", "x"], "Hint: The commands are build, plan,"],
    [["constructor"], 'Unknown command "constructor".'],
    [["help", "plna"], "Did you mean plan?"],
    [["plan", "--jsno"], "Unknown option --jsno.\nHint: Did you mean --json?"],
    [["-x"], "Unknown option -x."],
    [["dockerfile", "a.spec"], 'Unexpected argument "a.spec".'],
  ])("%j gets a hint and ends with 2", async (argv, message) => {
    const { code, stdout, stderr } = await obuilder(argv);
    expect(stderr).toContain(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });
});

describe("actions", () => {
  const withActions = Object.keys(commands).filter((name) => ["image", "cache", "cluster"].includes(name));

  it.each(withActions)("of %s each have help of their own, and together all options", async (name) => {
    const command = await commands[name]?.load();
    const actions = Object.entries(command?.actions ?? {});
    const taken = new Set(actions.flatMap(([, { options }]) => options));
    const always = new Set([...Object.keys(storeOptions), ...Object.keys(commonOptions)]);
    const shown = Object.entries(command?.options ?? {}).filter(([, { hidden = false }]) => !hidden);
    expect(new Set(shown.map(([option]) => option).filter((option) => !always.has(option)))).toEqual(taken);
    for (const [action] of actions) {
      const { code, stdout } = await obuilder(["help", name, action]);
      expect(code).toBe(0);
      expect(stdout).toContain(`obuilder ${name} ${action} [options]`);
      expect((await obuilder([name, "-v", action, "-h"])).stdout).toBe(stdout);
      expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    }
  });

  it("take no option of another one", async () => {
    const { code, stderr } = await obuilder(["image", "rm", "mine", "--store=qemu:/x", "--report=x"]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining(
        "`image rm` has no option --report.\nHint: It is an option of `image check`.",
      ),
    });
  });

  it("have the names that other commands use", async () => {
    await using directory = await temporaryDirectory();
    const store = `--store=qemu:${directory.path}`;
    expect((await obuilder(["image", "ls", store])).stdout).toBe(
      (await obuilder(["image", "list", store])).stdout,
    );
    expect((await obuilder(["cache", "list", store])).stdout).toBe(
      (await obuilder(["cache", "ls", store])).stdout,
    );
  });
});

it("prints the version for programs", async () => {
  const { stdout } = await obuilder(["--version", "--json"]);
  expect(JSON.parse(stdout)).toEqual({
    version: (await obuilder(["--version"])).stdout.trim(),
    node: process.versions.node,
    platform: process.platform,
    arch: process.arch,
  });
  expect(await obuilder(["--json"])).toMatchObject({ code: 2 });
});
