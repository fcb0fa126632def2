import { beforeAll, describe, expect, it } from "vitest";
import { debugfs } from "../support/disks.ts";
import { simulatorImage } from "./guest-simulator.ts";
import { blankDisk, type DiskState, stateOf } from "./original-cache.ts";
import { type OriginalMachine, startOriginalMachine } from "./original-machine.ts";
import { archiveOf, type OriginalStore, originalStore } from "./original-store.ts";

const cache = "/home/opam/.opam/download-cache";

/** The command lines of the original's lib/qemu_sandbox.ml, and others, with the answers to them. */
async function sequence(machine: OriginalMachine, archive: Uint8Array) {
  // qemu/install.site.m4, which makes cache-ffs.qcow2.
  const makesCache = `disklabel -Aw -T /tmp/sd1 sd1 && newfs sd1a && mount /dev/sd1a ${cache} && chown opam:opam ${cache}`;
  const runs = `cat file && echo "$GREETING $OPAMYES" && echo original >${cache}/kept`;
  return {
    makesCache: await machine.ssh([
      "doas",
      "sh",
      "-c",
      `"echo '/ * 100%' >/tmp/sd1; ${makesCache} && umount ${cache}"`,
    ]),
    checks: await machine.ssh(["doas", "fsck", "-y", "/dev/sd1a"]),
    mounts: await machine.ssh(["doas", "mount", "/dev/sd1a", cache]),
    unpacks: await machine.ssh(["cd", "/", "&&", "gtar", "-xf", "-"], { input: archive }),
    runs: await machine.ssh(["cd", "/home/opam/src", "&&", runs], { environment: { GREETING: "hello" } }),
    path: await machine.ssh(['echo "$PATH"; doas sh -c "command -v fsck"'], {
      environment: { PATH: "/nowhere" },
    }),
    starts: await machine.ssh(["cat", "/proc/cmdline"]),
    gettys: await machine.ssh([
      "until",
      "ps -ax -o ppid= -o login= -o ucomm= | grep getty; do sleep 0.5; done",
    ]),
  };
}

/** A build of two steps after a copy, with the cache that the original has filled. */
const spec = (image: string): string => {
  const first = [
    `cat ${cache}/kept in/file`,
    `echo "yes: $OPAMYES"; echo ours >${cache}/ours`,
    `until ps -ax -o ucomm= | grep -q getty; do sleep 0.5; done`,
    `sleep 900 >/dev/null 2>&1 &`,
  ];
  const second = [
    `echo "as another: $OPAMYES"`,
    `echo "cache: $(cat ${cache}/kept ${cache}/ours | tr '\\n' ' ')"`,
    `echo "gettys started twice: $(sort /var/log/gettys | uniq -d | wc -l) of $(wc -l </var/log/gettys)"`,
  ];
  const step = (commands: readonly string[]): string =>
    `(run (cache (opam-archives (target ${cache}))) (shell ${JSON.stringify(commands.join("\n"))}))`;
  return `((from ${image})
    (copy (src in) (dst /home/opam/src/in))
    (workdir /home/opam/src)
    ${step(first)}
    (user (uid 1000) (gid 1000))
    ${step(second)})`;
};

/** Each row in which the simulator has differed from the real system, with the place in that system's source. */
export function openbsdTests(timeout: number): void {
  describe("a Linux guest with OpenBSD's commands", () => {
    let answers: Awaited<ReturnType<typeof sequence>>;
    let disk: DiskState;
    let settings: string;
    let built: Awaited<ReturnType<OriginalStore["build"]>>;
    beforeAll(async () => {
      const image = await simulatorImage("openbsd", "original");
      await using store = await originalStore(image);
      const archive = await archiveOf(store.beside("archive"), { "home/opam/src/file": "copied\n" });
      await archiveOf(store.work, { "in/file": "copied by ours\n" });
      const cacheDisk = store.beside("cache-ffs.qcow2");
      await blankDisk(cacheDisk);
      {
        await using machine = await startOriginalMachine({
          ...{ disk: await store.overlay(), caches: [cacheDisk], key: store.key },
        });
        answers = await sequence(machine, archive);
        await machine.powerDown();
      }
      disk = await stateOf(cacheDisk, 64);
      await store.putCache("opam-archives", cacheDisk);
      built = await store.build(spec(image.name));
      const [foreign = ""] = (await simulatorImage("openbsd")).files;
      settings = await debugfs(foreign, "cat /etc/ssh/sshd_config.d/obuilder.conf");
    }, timeout);

    it("takes the command lines of the original, from OpenSSH's client", () => {
      const { makesCache, checks, mounts, unpacks, runs } = answers;
      for (const answer of [makesCache, checks, mounts, unpacks, runs]) {
        expect(answer).toMatchObject({ code: 0 });
      }
      expect(runs.said).toMatch(/^copied\nhello /);
    });

    // etc/login.conf; usr.bin/ssh/session.c do_setup_env: after what was sent. usr.bin/doas/env.c passes it on.
    it("has the PATH of login.conf in a session, with /sbin and whatever was sent", () => {
      expect(answers.path.said).toMatch(/^\/usr\/bin:\/bin:\/usr\/sbin:\/sbin:.*\n(\/usr)?\/sbin\/fsck$/);
    });

    // qemu/install.site.m4 of the original; usr.bin/ssh/session.c do_setup_env, read_environment_file.
    it("takes variables that are sent, and those of ~/.ssh/environment, as the original's images are set up", () => {
      expect(answers.runs.said).toMatch(/^hello 1$/m);
    });

    // usr.bin/ssh/sshd_config; usr.bin/ssh/servconf.c: num_accept_env is 0.
    it("takes no variables on other images", () => {
      expect(settings).toContain("PasswordAuthentication no");
      expect(settings).not.toContain("AcceptEnv");
    });

    // sys/kern/subr_disk.c readdoslabel: without an MBR the label is in sector 1.
    it("labels the original's cache disk without an MBR", () => {
      expect(disk.head.subarray(0, 512).every((byte) => byte === 0)).toBe(true);
      expect(disk.head.readUInt32LE(512)).toBe(0x82564557);
    });

    // sys/arch/amd64/amd64/machdep.c boot; sys/kern/vfs_subr.c vfs_unmountall.
    it("unmounts a cache that is mounted when the power is turned off", () => {
      expect(disk.clean).toBe(true);
    });

    // etc/rc; sbin/init/init.c f_multi_user, setctty.
    it("has gettys that init starts late, with the login name root", () => {
      expect(answers.gettys.said.trim().split(/\s+/)).toEqual(["1", "root", "getty"]);
    });

    // sys/arch/amd64/stand/biosboot: from the root disk.
    it("starts from its own disk", () => {
      expect(answers.starts.said).toMatch(/^BOOT_IMAGE=/);
    });

    describe("as an image of the original, without a manifest", () => {
      it("builds with the original's options, and with the cache that the original has filled", () => {
        expect(built.exitCode, built.all).toBe(0);
        expect(built.all).toMatch(/^original\ncopied by ours$/m);
        expect(built.all).toMatch(/^yes: 1$/m);
        expect(built.all).toMatch(/^cache: original ours $/m);
      });

      it("gives a user of the spec the variables of ~/.ssh/environment, too", () => {
        expect(built.all).toMatch(/^as another: 1$/m);
      });

      it("keeps its gettys when a step's processes are killed", () => {
        expect(built.all).toMatch(/^gettys started twice: 0 of [23]$/m);
      });
    });
  });
}
