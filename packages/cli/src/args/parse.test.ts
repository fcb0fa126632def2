import { describe, expect, it } from "vitest";
import { commands } from "../commands/registry.ts";
import { obuilder } from "../testing/run.ts";

describe("help", () => {
  it("lists the commands and the exit codes", async () => {
    const { code, stdout, stderr } = await obuilder(["--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatchInlineSnapshot(`
      "obuilder COMMAND [options]

      Builds specs in virtual machines, and keeps each step as a layer.

      Commands:
        obuilder build        Build a spec
        obuilder plan         Show the steps of a spec, their ids, and which are in
                              the store
        obuilder fmt          Print a spec in its usual form
        obuilder dockerfile   Convert a spec to a Dockerfile
        obuilder log          Print the log of a layer
        obuilder cp           Copy files out of a layer
        obuilder shell        Open a shell in a throw-away virtual machine on a layer
        obuilder export       Write a layer's disk as one bootable file
        obuilder image        Make, check, import and list base images
        obuilder healthcheck  Try that a virtual machine boots and runs a command
        obuilder delete       Delete a layer and all that stand on it
        obuilder prune        Delete layers not used of late
        obuilder cache        List, remove or prune the caches of steps
        obuilder clean        Delete all layers

      Messages:
        -v, --verbose          Say what is done, with each program that is run; twice
                               for debugging
        -q, --quiet            Print no warnings
            --verbosity=LEVEL  One of quiet, app, error, warning, info, debug
            --color=WHEN       auto, always or never
            --help             Show this help
            --version          Show the version

      \`obuilder help COMMAND\` shows the options of a command.

      Exit codes:
        0    all went well
        1    a step of the build failed
        2    the command line is wrong
        3    the spec is wrong
        4    anything else that stopped the command: the store, an image, QEMU, ...
        130  cancelled by Ctrl-C (143 by SIGTERM)
      "
    `);
  });

  it("of a command shows its options and examples", async () => {
    const { code, stdout } = await obuilder(["help", "prune"]);
    expect(code).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "obuilder prune [options]

      Deletes layers that no other layer stands on, least recently used first. Layers
      that a running build uses stay, and so do base images and caches.

      Store:
            --store=qemu:DIR  Where the layers are kept; by default OBUILDER_STORE
                              says

      What goes:
            --older-than=SPAN  Only layers not used for so long: 12h, 7d, 2w
            --keep=N           Leave so many layers in the store
            --limit=N          Delete at most so many layers
            --dry-run          Only say which layers would go

      Messages:
        -v, --verbose          Say what is done, with each program that is run; twice
                               for debugging
        -q, --quiet            Print no warnings
            --verbosity=LEVEL  One of quiet, app, error, warning, info, debug
            --color=WHEN       auto, always or never
            --help             Show this help
            --version          Show the version

      Examples:
        obuilder prune --store=qemu:/var/cache/obuilder --older-than 7d
            what was not used for a week
        obuilder prune ... --keep 100 --dry-run
            which layers are more than a hundred?

      Exit codes:
        0    all went well
        1    a step of the build failed
        2    the command line is wrong
        3    the spec is wrong
        4    anything else that stopped the command: the store, an image, QEMU, ...
        130  cancelled by Ctrl-C (143 by SIGTERM)
      "
    `);
  });

  it.each(Object.keys(commands))("of %s fits into 80 columns, and shows no internals", async (name) => {
    const { code, stdout, stderr } = await obuilder([name, "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`obuilder ${name} [options]`);
    expect(stdout).toContain("Examples:\n");
    expect(stdout).not.toMatch(/undefined|\[object|--fast-sync/);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    expect((await obuilder(["help", name])).stdout).toBe(stdout);
  });

  it("comes before anything else is complained of", async () => {
    expect((await obuilder(["build", "--help=plain", "a", "b", "c"])).code).toBe(0);
    expect((await obuilder(["help"])).stdout).toBe((await obuilder(["--help"])).stdout);
  });

  it("is printed as an error where there is no command", async () => {
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
    [["biuld", "."], "There is no command \"biuld\".\nHint: Did you mean build?\nTry 'obuilder --help'"],
    [["frobnicate", "x"], "Hint: The commands are build, plan,"],
    [["constructor"], 'There is no command "constructor".'],
    [["help", "plna"], "Did you mean plan?"],
    [["plan", "--jsno"], "There is no option --jsno.\nHint: Did you mean --json?"],
    [["-x"], "There is no option -x."],
    [["fmt", "a.spec"], 'What is "a.spec" for? `fmt` takes no arguments.'],
  ])("%j gets a hint and ends with 2", async (argv, message) => {
    const { code, stdout, stderr } = await obuilder(argv);
    expect(stderr).toContain(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });
});
