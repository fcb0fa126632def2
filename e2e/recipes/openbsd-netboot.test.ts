import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { getuid } from "node:process";
import { diagnoseConfinement } from "@ob/sandbox-qemu";
import { afterEach, beforeEach, expect, it } from "vitest";
import { installConf } from "../../images/openbsd-79/install-conf.ts";
import { makeNetbootTree } from "../../images/openbsd-79/netboot-tree.ts";
import { netbootMachine } from "../../images/openbsd-79/recipe.ts";
import { releasePath, siteSet } from "../../images/openbsd-79/release.ts";
import { makeSet, siteFiles } from "../../images/openbsd-79/site-set.ts";
import { netbootServer } from "../../images/src/installer/netboot-server.ts";
import { runInstaller } from "../../images/src/installer/run-installer.ts";
import { makeEmptyDisk } from "../../images/src/installer/installer-argv.ts";
import { qemusOf, sees, statusOf } from "../support/host-processes.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "netboot-"));
});
afterEach(() => rm(directory, { recursive: true }));

const isRoot = getuid?.() === 0;
const { isolated } = await diagnoseConfinement();

/** What the QEMU of the installer may do, and which files it sees. */
async function lookAt(at: (name: string) => string) {
  const [pid = 0] = await qemusOf(directory);
  const status = await statusOf(pid);
  const names = ["disk.qcow2", "tree/tftp/bsd.rd", "console", "set", "tree/http/disklabel"];
  const visible = await Promise.all(names.map(async (name) => await sees(pid, at(name))));
  return {
    ...Object.fromEntries(["CapEff", "NoNewPrivs", "Seccomp"].map((name) => [name, status.get(name)])),
    hasUserOfItsOwn: Number(status.get("Uid")?.split("\t")[0]) > 60_000,
    sees: names.filter((_, index) => visible[index]),
  };
}

/**
 * Takes the place of OpenBSD's loader: fetches the same files as the loader and the installer, from the same addresses.
 */
const script = `#!ipxe
echo guest: \${filename} from \${next-server}
imgfetch --name boot.conf tftp://\${next-server}/etc/boot.conf || goto failed
imgfetch --name bsd.rd tftp://\${next-server}/bsd.rd || goto failed
echo guest: TFTP works
imgfetch --name no http://\${next-server}/\${net0/mac}-install.conf?path=7.9/amd64 && goto failed ||
imgfetch --name install.conf http://\${next-server}/install.conf?path=7.9/amd64 || goto failed
imgfetch --name disklabel http://\${next-server}/disklabel || goto failed
imgfetch --name index.txt http://\${next-server}/${releasePath}/index.txt || goto failed
imgfetch --name SHA256.sig http://\${next-server}/${releasePath}/SHA256.sig || goto failed
imgfetch --name base79.tgz http://\${next-server}/${releasePath}/base79.tgz || goto failed
imgfetch --name site http://\${next-server}/${releasePath}/${siteSet} || goto failed
imgstat
echo guest: HTTP works
echo guest: restarts
sleep 1
reboot
:failed
echo guest: failed
reboot
`;

it("OpenBSD's installer would find every file that it requests (recipe-offline: a real iPXE guest)", async () => {
  const at = (name: string): string => path.join(directory, name);
  await writeFile(at("script"), script);
  await writeFile(at("set"), Buffer.alloc(3_000_000, 1));
  const release = new Map([
    ["pxeboot", at("script")],
    ["bsd.rd", at("set")],
    ["base79.tgz", at("set")],
  ]);
  const conf = installConf({ user: "opam", publicKey: "ssh-ed25519 AAAA test" });
  const site = await makeSet(await siteFiles({ user: "opam", packages: [], ocaml: undefined }));
  const tree = await makeNetbootTree(at("tree"), {
    ...{ release, signedList: Buffer.from("signed"), installConf: conf, siteSet: site },
  });
  await makeEmptyDisk(at("disk.qcow2"), 2 ** 30, { signal: undefined });

  const consoleLog = at("console");
  const seen: string[] = [];
  let confinement: ReturnType<typeof lookAt> | undefined;
  const machine = netbootMachine({ disks: [at("disk.qcow2")], processor: ["-accel", "tcg"], tree });
  // The guest's requests are answered in its own network namespace, or not at all.
  await runInstaller(machine, {
    prefix: await netbootServer(tree.http, undefined),
    consoleLog,
    phases: [
      {
        name: "DHCP and the loader",
        until: /guest: auto_install from 10\.0\.2\.2/,
        limitSeconds: 120,
      },
      { name: "TFTP", until: /guest: TFTP works/, limitSeconds: 120 },
      { name: "HTTP", until: /guest: HTTP works/, limitSeconds: 120 },
      { name: "the end by a restart", until: "power off", limitSeconds: 60 },
    ],
    failures: [/guest: failed/],
    onEvent: (event) => {
      if (event.type !== "phase-finished") return;
      seen.push(event.phase);
      confinement ??= lookAt(at);
    },
    signal: undefined,
  });
  expect(seen).toEqual(["DHCP and the loader", "TFTP", "HTTP", "the end by a restart"]);
  if (isolated) {
    expect(await confinement).toEqual({
      ...{ CapEff: "0000000000000000", NoNewPrivs: "1", Seccomp: "2", hasUserOfItsOwn: isRoot },
      sees: ["disk.qcow2", "tree/tftp/bsd.rd", "console"],
    });
  }
  // The disk and the console's log are the caller's again.
  const { uid } = await stat(at("disk.qcow2"));
  expect([uid, (await stat(consoleLog)).uid]).toEqual([getuid?.(), getuid?.()]);
  const said = await readFile(consoleLog, "latin1");
  const sizes: readonly (readonly [name: string, bytes: number])[] = [
    ["install.conf", conf.length],
    ["bsd.rd", 3_000_000],
    ["base79.tgz", 3_000_000],
    ["site", site.length],
  ];
  for (const [name, bytes] of sizes) {
    expect(said).toMatch(new RegExp(`${name.replaceAll(".", "\\.")} : ${bytes} bytes`));
  }
});
