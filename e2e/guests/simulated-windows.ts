import { beforeAll, describe, expect, it } from "vitest";
import { debugfs } from "../support/disks.ts";
import { simulatorImage } from "./guest-simulator.ts";
import { type DiskState, knownSignature, ntfsDisk, stateOf } from "./original-cache.ts";
import { type OriginalMachine, startOriginalMachine } from "./original-machine.ts";
import { archiveOf, type OriginalStore, originalStore } from "./original-store.ts";

const cache = String.raw`C:\Users\opam\AppData\Local\opam\download-cache`;
const cacheDirectory = "/cygdrive/c/Users/opam/AppData/Local/opam/download-cache";
const tar = ["cd", "/", "&&", "/cygdrive/c/Windows/System32/tar.exe", "-xf", "-", "-C", "/"];

/** The command lines of the original's lib/qemu_sandbox.ml with the answers to them. */
async function sequence(machine: OriginalMachine, archive: Uint8Array) {
  const runs = `cat /cygdrive/c/src/file && echo "$GREETING $OPAMYES" && echo original >${cacheDirectory}/kept`;
  return {
    removes: await machine.ssh(["cmd", "/c", `if exist '${cache}' rmdir /s /q '${cache}'`]),
    links: await machine.ssh(["cmd", "/c", String.raw`mklink /j '${cache}' 'd:\'`]),
    unpacks: await machine.ssh(tar, { input: archive }),
    runs: await machine.ssh(["cd", "/", "&&", runs], { environment: { GREETING: "hello" } }),
    unlinks: await machine.ssh(["cmd", "/c", `rmdir '${cache}'`]),
  };
}

/** Other command lines, for the rows in which the simulator has differed. */
async function rows(machine: OriginalMachine, links: Uint8Array) {
  const letters = "for letter in d e f; do echo $letter: $(findmnt -n -o SOURCE /cygdrive/$letter); done";
  const forgets = String.raw`umount /cygdrive/e; sed -i "/^e /d" /cygdrive/c/mounted-devices; : >/cygdrive/c/no-automount`;
  return {
    letters: await machine.ssh([`until findmnt /cygdrive/e >/dev/null; do sleep 0.5; done; ${letters}`]),
    noLetters: await machine.ssh([
      `sudo bash -c '${forgets}; . /opt/simulator/volumes.bash; mount_volumes'; ${letters}`,
    ]),
    parent: await machine.ssh(["cmd", "/c", String.raw`mklink /j 'C:\none\link' 'C:\Users'`]),
    enters: await machine.ssh(["cd", "C:/Users", "&&", "pwd"]),
    starts: await machine.ssh([
      "cat",
      "/proc/cmdline",
      "&&",
      "(exec -a left-over sleep 900 >/dev/null 2>&1 &)",
    ]),
    leftOver: await machine.ssh([
      `"$(cygpath -S)/tasklist.exe" /fo csv /nh /fi "USERNAME eq opam" && ps -u opam -o args= | grep '^left-over'`,
    ]),
    oldest: await unpackLinks(machine, { version: "3.3.2", links }),
    broken: await unpackLinks(machine, { version: "3.5.2", links }),
    current: await unpackLinks(machine, { version: "3.8.4", links }),
  };
}

/** Unpacks links by a version of tar.exe, and prints its status and where they lead. */
async function unpackLinks(
  machine: OriginalMachine,
  { version, links }: { readonly version: string; readonly links: Uint8Array },
) {
  const reads = "for link in relative absolute; do cat /cygdrive/c/links/$link; done";
  return await machine.ssh(
    [`echo ${version} >/cygdrive/c/tar-version;`, ...tar, ";", `echo "status $?"; ${reads} 2>&1`],
    { input: links },
  );
}

/** A build of a copy, two steps with a new cache before the one that the original has filled, and one that is not reached. */
function spec(image: string): string {
  const first = [
    `cat ${cacheDirectory}/kept`,
    `cat /cygdrive/c/in/relative; cat /cygdrive/c/in/absolute 2>/dev/null || echo "nothing behind the link"`,
    `echo "yes: $OPAMYES"; echo ours >/cygdrive/c/one/kept`,
    `(exec -a left-over sleep 900 >/dev/null 2>&1 &)`,
  ];
  const second = [
    `echo "caches: $(cat /cygdrive/c/one/kept ${cacheDirectory}/kept | tr '\\n' ' ')"`,
    `echo "at sync: $(grep -c left-over /cygdrive/c/ran-at-sync) of $(wc -l </cygdrive/c/ran-at-sync)"`,
    `echo "formatted after: $(cat /cygdrive/c/read-only-partitions)"`,
    `rm /cygdrive/c/ProgramData/ssh/administrators_authorized_keys`,
  ];
  const caches = String.raw`(new (target "C:\\one")) (opam-archives (target ${JSON.stringify(cache)}))`;
  const step = (commands: readonly string[]): string =>
    `(run (cache ${caches}) (shell ${JSON.stringify(commands.join("\n"))}))`;
  return `((from ${image}) (copy (src in) (dst "C:\\\\in")) ${step(first)} ${step(second)} (run (shell true)))`;
}

async function everything() {
  const image = await simulatorImage("windows", "original");
  await using store = await originalStore(image);
  const archive = await archiveOf(store.beside("archive"), { "src/file": "copied\n" });
  const targets = { relative: "->file", absolute: "->/cygdrive/c/links/file" };
  const links = await archiveOf(store.beside("links"), {
    "links/file": "by a link\n",
    ...Object.fromEntries(Object.entries(targets).map(([name, to]) => [`links/${name}`, to])),
  });
  await archiveOf(store.work, {
    "in/file": "by a link\n",
    "in/relative": "->file",
    "in/absolute": "->/cygdrive/c/in/file",
  });
  const caches = ["cache-ntfs.qcow2", "same.qcow2", "other.qcow2"].map((name) => store.beside(name));
  const [known = "", same = "", other = ""] = caches;
  for (const file of [known, same]) await ntfsDisk(file, knownSignature);
  await ntfsDisk(other, "0badcafe");
  const seen = await (async () => {
    await using machine = await startOriginalMachine({ disk: await store.overlay(), caches, key: store.key });
    const answers = { ...(await rows(machine, links)), ...(await sequence(machine, archive)) };
    await machine.powerDown();
    return answers;
  })();
  const disk = await stateOf(known, 2048);
  await store.putCache("opam-archives", known);
  const built = await store.build(spec(image.name));
  const [foreign = ""] = (await simulatorImage("windows")).files;
  const settings = await debugfs(foreign, "cat /etc/ssh/sshd_config.d/obuilder.conf");
  return { seen, disk, built, settings };
}

/** Each row in which the simulator has differed from the real system, with its source. */
export function windowsTests(timeout: number): void {
  describe("a Linux guest with Windows' commands", () => {
    let seen: Awaited<ReturnType<typeof everything>>["seen"];
    let disk: DiskState;
    let settings: string;
    let built: Awaited<ReturnType<OriginalStore["build"]>>;
    beforeAll(async () => {
      ({ seen, disk, settings, built } = await everything());
    }, timeout);

    it("takes the command lines of the original, from OpenSSH's client", () => {
      const { removes, links, unpacks, runs, unlinks } = seen;
      for (const answer of [removes, links, unpacks, runs, unlinks])
        expect(answer).toMatchObject({ code: 0 });
      expect(links.said).toMatch(/^Junction created for C:.* <<===>> d:\\$/m);
      // tar.exe's `/` is the root of C:, of which Cygwin's `/` is a directory.
      expect(runs.said).toMatch(/^copied\nhello /);
    });

    // qemu/autounattend.xml.m4 of the original: sshd_config, setx.
    it("takes variables that are sent, and has those of the system, as the original's images are set up", () => {
      expect(seen.runs.said).toMatch(/^hello 1$/m);
    });

    // Win32-OpenSSH contrib/win32/openssh/sshd_config.
    it("takes no variables on other images", () => {
      expect(settings).toContain("PasswordAuthentication no");
      expect(settings).not.toContain("AcceptEnv");
    });

    // Microsoft's reference of cmd: /c ends with the status of the command.
    it("has the status of mklink where the parent of the link is missing", () => {
      expect(seen.parent).toMatchObject({ code: 1 });
    });

    // HKLM\SYSTEM\MountedDevices; Microsoft's reference of diskpart: a disk with the signature of another is off line.
    it("gives letters to what has a file system, those that it knows first, and none to a second disk of one signature", () => {
      expect(seen.letters.said).toBe("d: /dev/vdb1\ne: /dev/vdd1\nf:");
    });

    // Microsoft's reference of mountvol: /n.
    it("gives no letters to new volumes where that is off", () => {
      expect(seen.noLetters.said).toBe("d: /dev/vdb1\ne:\nf:");
    });

    // Cygwin winsup/cygwin/path.cc: a path with a drive's letter is absolute.
    it("enters a directory by its name with a drive's letter", () => {
      expect(seen.enters).toEqual({ code: 0, said: "/cygdrive/c/Users" });
    });

    // Win32-OpenSSH contrib/win32/win32compat/w32-doexec.c: the job lets processes break away; Cygwin spawn.cc does it.
    it("leaves processes of a session running", () => {
      expect(seen.leftOver.code).toBe(0);
      expect(seen.leftOver.said).toContain('"sleep.exe"');
    });

    // libarchive#1375: no links, and status 1. libarchive#2274: absolute ones lead nowhere.
    it("has a tar.exe that makes no links, breaks absolute ones, or makes all, by its version", () => {
      const missing = /No such file/;
      expect(seen.oldest.said).toMatch(/Can't create[^]*^status 1\n.*No such file.*\n.*No such file/m);
      expect(seen.broken.said).toMatch(/^status 0\nby a link\n.*No such file/m);
      expect(seen.current.said).toMatch(/^status 0\nby a link\nby a link$/m);
      expect(seen.current.said).not.toMatch(missing);
    });

    it("dismounts a cache when it shuts down", () => {
      expect(disk.clean).toBe(true);
    });

    it("starts from its own disk", () => {
      expect(seen.starts.said).toMatch(/^BOOT_IMAGE=/);
    });

    describe("as an image of the original, without a manifest", () => {
      it("builds with the original's options, and with the cache that the original has filled", () => {
        expect(built.all).toMatch(/^original\nby a link\nnothing behind the link\nyes: 1$/m);
        expect(built.all).toContain("symbolic links");
      });

      it("has its caches in order, though their letters and the numbers of its disks have changed", () => {
        expect(built.all).toMatch(/^caches: ours original $/m);
      });

      it("has new caches, though it could format their disks only at the third attempt", () => {
        expect(built.all).toMatch(/^formatted after: 0$/m);
      });

      it("has nothing of a step running when the volumes are flushed", () => {
        expect(built.all).toMatch(/^at sync: 0 of [1-9]\d*$/m);
      });

      it("is not saved by a step after which nobody can log in", () => {
        expect(built.all).toContain("no later step can log in to it: The guest rejected these SSH keys");
        expect(built.exitCode).toBe(1);
      });
    });
  });
}
