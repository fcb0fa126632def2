import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { answerQuestions } from "./answer-questions.test.helper.ts";
import { disklabelTemplate, installConf } from "./install-conf.ts";
import { makeNetbootTree } from "./netboot-tree.ts";
import { installerQuestions } from "./questions.ts";
import { netbootMachine, openbsd79Amd64 } from "./recipe.ts";
import { publicKey as releaseKey, sets, siteSet } from "./release.ts";
import { makeSet, siteFiles } from "./site-set.ts";

const publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ== a comment = of mine";
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "openbsd-"));
});
afterEach(() => rm(directory, { recursive: true }));

describe("the answers", () => {
  const { answered, unused } = answerQuestions(installConf({ user: "opam", publicKey }), installerQuestions);
  const answerTo = (text: string) =>
    answered.filter((each) => each.text.startsWith(text)).map(({ answer }) => answer);

  test("cover every question, and every answer is used", () => {
    expect(answered.filter(({ from }) => from === "nowhere")).toEqual([]);
    expect(unused).toEqual([]);
  });

  test("are right for each question", () => {
    expect(answerTo("System hostname")).toEqual(["obuilder"]);
    expect(answerTo("IPv4 address")).toEqual(["autoconf"]);
    expect(answerTo("IPv6 address")).toEqual(["none"]);
    expect(answerTo("Setup a user")).toEqual(["opam"]);
    expect(answerTo("Full name for user")).toEqual(["OBuilder"]);
    expect(answerTo("Public ssh key for root")).toEqual(["none"]);
    expect(answerTo("Public ssh key for user")).toEqual([publicKey]);
    expect(answerTo("Allow root ssh login")).toEqual(["no"]);
    expect(answerTo("Change the default console")).toEqual(["yes"]);
    expect(answerTo("Which speed")).toEqual(["115200"]);
    expect(answerTo("Which disk is the root disk")).toEqual(["sd0"]);
    expect(answerTo("Which disk do you wish to initialize")).toEqual(["done"]);
    expect(answerTo("URL to autopartitioning")).toEqual(["http://10.0.2.2/disklabel"]);
    expect(answerTo("HTTP Server")).toEqual(["http://10.0.2.2"]);
    expect(answerTo("What timezone")).toEqual(["UTC"]);
  });

  test("are given once where the installer repeats a question", () => {
    expect(answerTo("Location of sets")).toEqual(["http", "done"]);
    expect(answerTo("Set name(s)")).toEqual(["-game* -xfont* -xserv*", "done"]);
    expect(answerTo("Network interface to configure")).toEqual(["vio0", "done"]);
  });

  test("continue without a signature only for our own set", () => {
    const lax = answered.filter(
      ({ text, answer }) => /verification|Continue anyway/.test(text) && answer === "yes",
    );
    expect(lax).toHaveLength(2);
    for (const { text } of lax) expect(text).toContain(siteSet);
  });

  test("contain no password: thirteen asterisks mean none", () => {
    expect(answerTo("Password for")).toEqual(["*".repeat(13), "*".repeat(13)]);
  });

  test("do not match a changed question", () => {
    const other = [{ text: "Name of the system?", source: "x" }];
    const result = answerQuestions(installConf({ user: "opam", publicKey }), other);
    expect(result.answered[0]?.from).toBe("nowhere");
  });
});

test("the disk's template gives the root all but the swap space", () => {
  expect(disklabelTemplate).toBe("/\t4G-*\t95%\nswap\t1G-2G\t5%\n");
});

describe("our own set", () => {
  const options = { user: "builder", packages: ["bash", "gtar--", "jq"], ocaml: "5.2.0" };

  test("is an archive of files that root owns", async () => {
    const file = join(directory, siteSet);
    await writeFile(file, await makeSet(await siteFiles(options)));
    const listed = execFileSync("tar", ["-tzvf", file, "--numeric-owner"]).toString().trimEnd().split("\n");
    expect(listed.map((line) => line.replace(/^(\S+) +(\S+) .* (\S+)$/, "$1 $2 $3"))).toEqual([
      "-rwxr-xr-x 0/0 ./install.site",
      "-rwxr-xr-x 0/0 ./etc/obuilder/first-boot",
      "-rwxr-xr-x 0/0 ./etc/obuilder/install-opam",
      "-rw-r--r-- 0/0 ./etc/rc.local",
      "-rw-r--r-- 0/0 ./etc/rc.conf.local",
      "-rw-r--r-- 0/0 ./etc/login.conf.d/staff",
      "-rw------- 0/0 ./etc/doas.conf",
    ]);
  });

  test("contains the user, the packages and OCaml's version, without placeholders", async () => {
    const files = new Map((await siteFiles(options)).map(({ path, contents }) => [path, contents]));
    expect(files.get("etc/doas.conf")).toBe("permit nopass keepenv builder\n");
    const firstBoot = files.get("etc/obuilder/first-boot");
    expect(firstBoot).toContain('user=builder ocaml=5.2.0\npackages="bash gtar-- jq"');
    for (const contents of files.values()) expect(contents).not.toMatch(/@[A-Z]+@/);
    expect((await siteFiles({ ...options, ocaml: undefined }))[1]?.contents).toContain("ocaml=none");
  });

  test.each([
    { runs: "none is missing", left: [""], said: "" },
    { runs: "patches, and then none", left: ["001_a 002_b", ""], statuses: [0], said: "run 1\n" },
    {
      runs: "itself first, then the rest",
      left: ["001_a 002_b", "002_b", ""],
      statuses: [2, 0],
      said: "run 1\nrun 2\n",
    },
    {
      runs: "without a server",
      left: ["001_a", "001_a"],
      statuses: [1],
      said: "run 1\nfailed: syspatch ended with status 1\n",
    },
  ])("installs all patches of the system: $runs", async ({ left, statuses = [], said }) => {
    const script = (await siteFiles(options)).find(({ path }) => path.endsWith("first-boot"))?.contents ?? "";
    const loop = /^until missing=.*?^done$/ms.exec(script)?.[0] ?? "exit 9";
    const state = await mkdtemp(join(directory, "syspatch-"));
    const nth = (words: readonly (string | number)[]) =>
      words.map((word, n) => `${n}) set -- '${word}' ;;`).join(" ");
    const standIns = `
finish() { echo "$1"; exit 0; }
syspatch() {
  n=$(ls ${state} | wc -l)
  if [ "$1" = -c ]; then case $((n)) in ${nth(left)} esac; printf '%s' "$1"; return; fi
  : >${state}/$((n + 1)); echo "run $((n + 1))"
  case $((n)) in ${nth(statuses)} esac; return $1
}
`;
    expect(execFileSync("sh", ["-c", `${standIns}${loop}`]).toString()).toBe(said);
  });

  test("has valid Bourne shell scripts without softdep, which OpenBSD no longer supports", async () => {
    for (const { contents } of await siteFiles(options)) {
      if (contents.startsWith("#!")) execFileSync("sh", ["-n"], { input: contents });
      expect(contents).not.toContain("softdep");
    }
  });
});

test("the served files have the names that the guest requests", async () => {
  const base = join(directory, "base79.tgz");
  await writeFile(base, "a set");
  const release = new Map([...sets, "pxeboot"].map((name) => [name, base]));
  const { tftp, http } = await makeNetbootTree(join(directory, "tree"), {
    ...{ release, signedList: Buffer.from("signed"), siteSet: Buffer.from("ours") },
    installConf: "answers\n",
  });
  expect(await readFile(join(tftp, "auto_install"), "utf8")).toBe("a set");
  expect(await readFile(join(tftp, "etc/boot.conf"), "utf8")).toBe(
    "stty com0 115200\nset tty com0\nboot tftp:/bsd.rd\n",
  );
  const mirror = join(http, "pub/OpenBSD/7.9/amd64");
  for (const name of [...sets, siteSet, "SHA256.sig"]) await readFile(join(mirror, name));
  // The installer parses names with: sed -En 's/^.* ([a-zA-Z][a-zA-Z0-9._-]+)$/\1/p'
  const index = await readFile(join(mirror, "index.txt"), "utf8");
  expect(/^.* ([a-zA-Z][a-zA-Z0-9._-]+)$/m.exec(index)?.[1]).toBe(siteSet);
  expect(await readFile(join(http, "install.conf"), "utf8")).toBe("answers\n");
});

test("the machine boots from the network, and QEMU exits when the installer reboots", () => {
  const argv = netbootMachine({ disks: ["/d/a,b.qcow2"], processor: [], tree: { tftp: "/t/a,b" } });
  expect(argv).toContain("user,model=virtio-net-pci,tftp=/t/a,,b,bootfile=auto_install,ipv6=off");
  expect(argv).toContain("if=virtio,format=qcow2,discard=unmap,file=/d/a,,b.qcow2");
  expect(argv).toContain("-no-reboot");
});

test("the release's key is in signify's format, and is the key in Debian's package", async () => {
  expect(await releaseKey()).toBe(
    "untrusted comment: openbsd 7.9 base public key\nRWTSdNN9A3yvWNn7mUjXwv9DOCOUnyfuV+mq1iGPIfD+NhN8EYnEQ1at\n",
  );
});

test("user names that the installer refuses are refused before the build", () => {
  const { pattern } = openbsd79Amd64.supports.user;
  for (const name of ["opam", "build-er", "a_1"]) expect(name).toMatch(pattern ?? /$^/);
  for (const name of ["root", "build", "Opam", "1a", "x".repeat(32)])
    expect(name).not.toMatch(pattern ?? /^/);
});
