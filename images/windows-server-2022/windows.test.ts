import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "@ob/core";
import { XMLParser, XMLValidator } from "fast-xml-parser";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isoLabel, listIso, makeIso } from "../src/disk/iso.ts";
import type { RecipeContext } from "../src/recipe/recipe.ts";
import { makeAnswerDisc } from "./answer-disc.ts";
import { autounattend } from "./autounattend.ts";
import { windowsServer2022Amd64 } from "./recipe.ts";

let directory: string;
const at = (name: string): string => join(directory, name);
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "windows-"));
});
afterEach(() => rm(directory, { recursive: true }));

interface Command {
  readonly Order: number;
  readonly CommandLine: string;
}

interface Component {
  readonly "@name": string;
  readonly [setting: string]: unknown;
}

function parse(text: string) {
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: "@",
    isArray: (name) => ["settings", "component", "SynchronousCommand", "CreatePartition"].includes(name),
  });
  const { unattend } = parser.parse(text) as {
    unattend: { settings: { "@pass": string; component: Component[] }[] };
  };
  return unattend.settings;
}

describe("autounattend.xml", () => {
  const text = autounattend({ user: "opam", password: 'a<b&"c' });
  const passes = parse(text);
  const componentOf = (pass: string, name: string): Component | undefined =>
    passes.find((each) => each["@pass"] === pass)?.component.find((each) => each["@name"] === name);

  test("is well-formed, whatever the values", () => {
    expect(XMLValidator.validate(text)).toBe(true);
    expect(componentOf("oobeSystem", "Microsoft-Windows-Shell-Setup")).toMatchObject({
      AutoLogon: { Password: { Value: 'a<b&"c' } },
    });
  });

  test("has Setup's passes in order, each with its components", () => {
    const names = passes.map((pass) => [pass["@pass"], pass.component.map((each) => each["@name"])]);
    expect(names).toEqual([
      ["windowsPE", ["Microsoft-Windows-International-Core-WinPE", "Microsoft-Windows-Setup"]],
      ["offlineServicing", ["Microsoft-Windows-PartitionManager", "Microsoft-Windows-LUA-Settings"]],
      ["specialize", ["Microsoft-Windows-Shell-Setup"]],
      ["oobeSystem", ["Microsoft-Windows-International-Core", "Microsoft-Windows-Shell-Setup"]],
    ]);
    for (const { component } of passes) {
      for (const each of component) {
        expect(each).toMatchObject({
          ...{ "@processorArchitecture": "amd64", "@publicKeyToken": "31bf3856ad364e35" },
          ...{ "@language": "neutral", "@versionScope": "nonSxS" },
        });
      }
    }
  });

  test("has one command for the first logon: Windows may start several at the same time", () => {
    const shell = componentOf("oobeSystem", "Microsoft-Windows-Shell-Setup");
    expect(shell).toBeDefined();
    const { SynchronousCommand: commands } = shell!["FirstLogonCommands"] as {
      SynchronousCommand: readonly Command[];
    };
    expect(commands.map(({ Order }) => Order)).toEqual(commands.map((_, index) => index + 1));
    expect(commands.map(({ CommandLine }) => CommandLine)).toEqual([
      String.raw`cmd.exe /d /c "(for %d in (C D E F G H I) do if exist %d:\autounattend.xml xcopy /e /i /q /y %d:\obuilder C:\obuilder) & powershell.exe -NoProfile -ExecutionPolicy Bypass -File C:\obuilder\install.ps1"`,
    ]);
    // Setup truncates longer commands.
    for (const { CommandLine } of commands) expect(CommandLine.length).toBeLessThan(1_024);
  });

  test("installs only on the first disk, in the partition with its remaining space", () => {
    const setup = componentOf("windowsPE", "Microsoft-Windows-Setup");
    expect(setup).toMatchObject({
      DiskConfiguration: {
        Disk: {
          ...{ DiskID: 0, WillWipeDisk: true },
          CreatePartitions: {
            CreatePartition: [
              { Order: 1, Size: 350 },
              { Order: 2, Extend: true },
            ],
          },
        },
      },
      ImageInstall: {
        OSImage: {
          InstallTo: { DiskID: 0, PartitionID: 2 },
          InstallFrom: {
            MetaData: { Key: "/IMAGE/NAME", Value: "Windows Server 2022 SERVERSTANDARDCORE" },
          },
        },
      },
    });
  });

  test("brings every disk online, and makes the login user an administrator who logs on once", () => {
    expect(componentOf("offlineServicing", "Microsoft-Windows-PartitionManager")?.["SanPolicy"]).toBe(1);
    const shell = componentOf("oobeSystem", "Microsoft-Windows-Shell-Setup");
    expect(shell).toMatchObject({
      UserAccounts: { LocalAccounts: { LocalAccount: { Name: "opam", Group: "Administrators" } } },
      AutoLogon: { Enabled: true, LogonCount: 1, Username: "opam" },
    });
  });
});

async function fakeDrivers(systems: readonly string[]): Promise<string> {
  const names = ["viostor", "NetKVM", "viorng", "pvpanic", "Balloon"];
  const files = names.flatMap((name) =>
    systems.flatMap((system) =>
      ["inf", "cat", "sys", "pdb"].map((kind) => ({
        path: `${name}/${system}/amd64/${name.toLowerCase()}.${kind}`,
        contents: `${name} for ${system}`,
      })),
    ),
  );
  await mkdir(at("virtio"));
  await makeIso(at("virtio.iso"), { label: "virtio-win", files, directory: at("virtio"), signal: undefined });
  return at("virtio.iso");
}

async function answerDisc(changes: { ocaml?: string; systems?: readonly string[] } = {}) {
  const { ocaml, systems = ["2k22", "2k25"] } = changes;
  await writeFile(at("exe"), "a program");
  const files = {
    virtioIso: await fakeDrivers(systems),
    ...{
      opensshMsi: at("exe"),
      cygwinSetup: at("exe"),
      opamExe: ocaml === undefined ? undefined : at("exe"),
    },
  };
  await makeAnswerDisc(at("answers.iso"), {
    ...{ user: "opam", password: "secret", publicKey: "ssh-ed25519 AAAA test", ocaml, files },
    ...{ cygwinPackages: ["bash", "git"], directory: at("answers"), signal: undefined },
  });
  return at("answers.iso");
}

describe("the answer disc", () => {
  test("has the answers in its root, the drivers of Windows Server 2022, and the first logon's files", async () => {
    const iso = await answerDisc({ ocaml: "5.2.0" });
    expect(await isoLabel(iso)).toBe("OBUILDER");
    const drivers = ["NetKVM", "pvpanic", "viorng", "viostor"].flatMap((name) =>
      ["cat", "inf", "sys"].map((kind) => `/$WinPEDriver$/${name}/${name.toLowerCase()}.${kind}`),
    );
    expect(await listIso(iso, { signal: undefined })).toEqual([
      ...drivers,
      "/autounattend.xml",
      "/obuilder/OpenSSH-Win64.msi",
      "/obuilder/install.ps1",
      "/obuilder/opam.exe",
      "/obuilder/settings.json",
      "/obuilder/setup-x86_64.exe",
    ]);
    const out = at("out");
    await run(["xorriso", "-osirrox", "on", "-indev", iso, "-extract", "/", out]);
    expect(await readFile(join(out, "$WinPEDriver$/viostor/viostor.inf"), "utf8")).toBe("viostor for 2k22");
    expect(JSON.parse(await readFile(join(out, "obuilder/settings.json"), "utf8"))).toEqual({
      ...{
        user: "opam",
        publicKey: "ssh-ed25519 AAAA test",
        cygwinPackages: ["bash", "git"],
        ocaml: "5.2.0",
      },
    });
    expect(XMLValidator.validate(await readFile(join(out, "autounattend.xml"), "utf8"))).toBe(true);
    // Only the answers contain the password.
    expect(await readFile(join(out, "obuilder/install.ps1"), "utf8")).not.toContain("secret");
  });

  test("omits opam for an image without OCaml", async () => {
    const paths = await listIso(await answerDisc(), { signal: undefined });
    expect(paths).not.toContain("/obuilder/opam.exe");
  });

  test("is not created if the driver ISO lacks drivers for this Windows", async () => {
    await expect(answerDisc({ systems: ["2k19"] })).rejects.toMatchObject({
      code: "BASE_IMAGE",
      message: "The virtio drivers' disc has no viostor for 2k22.",
    });
  });
});

describe("the installation script", () => {
  test("reports each phase that the host waits for, in order, and failures", async () => {
    const script = await readFile(join(import.meta.dirname, "guest/install.ps1"), "utf8");
    const said = [...script.matchAll(/^ {2}Say ["']([^"'$:]+)/gm)].map(([, text]) => text);
    expect(said).toEqual([
      ...["first logon", "the system is set up", "Cygwin is installed", "the SSH server is installed"],
      ...["installed", "failed"],
    ]);
    // Windows Server 2025 does not have wmic.
    expect(script).not.toMatch(/wmic/i);
  });
});

describe("every PowerShell script", () => {
  const scripts = [
    "guest/install.ps1",
    "../../packages/sandbox-qemu/src/guest/windows/scripts/prepare-disks.ps1",
  ];

  test.each(scripts)(
    "gives a new partition a letter, and waits until it can be written: %s",
    async (file) => {
      const script = await readFile(join(import.meta.dirname, file), "utf8");
      const made = [...script.matchAll(/New-Partition (.*?)Format-Volume/gs)].map(([, between]) => between);
      expect(made).toEqual([
        expect.stringMatching(/^-DiskNumber .*-AssignDriveLetter.*IsReadOnly.*Start-Sleep/s),
      ]);
    },
  );
});

describe("the user's ISO", () => {
  const make = (iso: string | undefined, notes: string[] = []) =>
    windowsServer2022Amd64.make({
      ...{ directory, publicKey: "", sshKey: "", downloads: at("downloads"), consoleLog: at("console") },
      ...{ name: "w", sudoPrefix: [], signal: undefined, resolveCpuArgs: async () => ["-accel", "tcg"] },
      startSmokeTest: async () => await Promise.reject(new Error("Windows boots by its own setup")),
      onEvent: (event) => event.type === "note" && notes.push(event.text),
      parameters: {
        ...{ ocaml: undefined, diskSize: 1, user: "opam", packages: [], iso },
        // Prevents downloads from the vendors' servers: with a valid ISO the build fails here.
        from: new Map([["virtio-win.iso", at("none")]]),
      },
    } satisfies RecipeContext);

  test("must be given, exist, and be an installation disc", async () => {
    await expect(make(undefined)).rejects.toMatchObject({
      code: "USAGE",
      data: { option: "iso" },
    });
    await expect(make(at("missing"))).rejects.toMatchObject({ code: "USAGE" });
    await writeFile(at("no.iso"), "nothing");
    await expect(make(at("no.iso"))).rejects.toThrow(/not an installation ISO of Windows Server 2022/);
  });

  test("is reported if its label is unusual", async () => {
    await mkdir(at("other"));
    await makeIso(at("other.iso"), { label: "MINE", files: [], directory: at("other"), signal: undefined });
    await truncate(at("other.iso"), 3 * 1024 ** 3);
    const notes: string[] = [];
    await expect(make(at("other.iso"), notes)).rejects.toMatchObject({ code: "USAGE" });
    expect(notes).toEqual([expect.stringContaining("has the label MINE")]);
  });
});
