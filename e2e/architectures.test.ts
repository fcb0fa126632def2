import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { archNames, type GuestArch, guestArchNames, sha256 } from "@ob/core";
import { diagnoseQemu } from "@ob/sandbox-qemu";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { build, obuilder, printed, startBuild } from "./support/obuilder.ts";
import { defaultStore, type TestStore, temporaryStore } from "./support/store.ts";

/** build.test.ts has amd64 and riscv64. `OB_E2E_ARCH` chooses one of the others. */
const wanted = guestArchNames.filter((arch) => {
  const only = process.env["OB_E2E_ARCH"];
  return only === undefined ? arch !== "amd64" && arch !== "riscv64" : arch === only;
});
const architectures = await Promise.all(
  wanted.map(async (arch) => {
    const { binary, version } = await diagnoseQemu(arch, new AbortController().signal);
    const missing = version === undefined;
    return { arch, title: missing ? ` (skipped: ${binary} is not installed)` : "", missing };
  }),
);

const pages: Partial<Readonly<Record<GuestArch, string>>> = { ppc64el: "65536" };
/** Machines without snapshots: docs/architectures.md. */
const notResumable: ReadonlySet<GuestArch> = new Set(["ppc64el", "riscv64"]);
/** Beyond 32 bits: a file of more than 4 GiB, and a time after 2106. */
const large =
  "truncate -s 5G /tmp/large && stat -c %s /tmp/large && rm /tmp/large && touch -d @4300000000 /tmp/late && stat -c %Y /tmp/late";
const flags = ["-v", "--qemu-boot-time", "300"];

interface Metadata {
  readonly steps: readonly { readonly op: string; readonly milliseconds: number }[];
}

describe.each(architectures)("debian-12-$arch", { timeout: 1_800_000 }, ({ arch, title, missing }) => {
  const image = `debian-12-${arch}`;
  describe.skipIf(missing)(`in its virtual machines${title}`, () => {
    let store: TestStore;
    beforeAll(async () => {
      const made = await obuilder(["image", "build", image, `--store=qemu:${defaultStore}`]);
      if (made.exitCode !== 0) throw new Error(made.all);
      store = await temporaryStore(image);
    }, 3_600_000);
    afterAll(() => store[Symbol.asyncDispose]());

    it("runs, copies, mounts caches, hands over secrets, changes users, and reuses its VM", async ({
      annotate,
    }) => {
      const source = path.join(store.work, "source");
      await mkdir(path.join(source, "sub"), { recursive: true });
      await writeFile(path.join(source, "sub/plain.txt"), "plain\n");
      await symlink("plain.txt", path.join(source, "sub/link"));
      const big = Buffer.alloc(3_000_000, "0123456789abcdef");
      await writeFile(path.join(source, "big"), big);
      const secret = path.join(store.work, "token");
      await writeFile(secret, "one secret of many characters\n");
      const cache = "(cache (kept (target /var/cache/kept)))";
      const spec = `((from ${image})
        (run (shell "uname -m; getconf PAGESIZE; ${large}; id -un; echo kept > ~/kept"))
        (run (shell "cat ~/kept"))
        (copy (src sub) (dst /srv/))
        (user (uid 1234) (gid 1235))
        (env NAME value)
        (workdir /made)
        (copy (src big) (dst renamed))
        (run ${cache} (secrets (token (target /run/secrets/token)))
          (shell "id -u; id -g; pwd; echo $NAME; cat /run/secrets/token; cat /srv/sub/link; sha256sum < renamed; echo first >/var/cache/kept/file; echo x >in-workdir"))
        (user (uid 0) (gid 0))
        (run ${cache}
          (shell "id -u; cat /var/cache/kept/file; stat -c %u:%g /made/in-workdir; test ! -e /run/secrets/token && echo gone")))`;
      const metadata = path.join(store.work, "metadata.json");
      const more = ["--secret", `token:${secret}`, "--metadata-file", metadata];
      const result = await build(store, spec, { source, flags: [...flags, ...more] });
      expect(result.exitCode, result.all).toBe(0);
      const [machine] = archNames[arch].uname;
      const page = pages[arch] ?? "4096";
      expect(result.all).toContain(`${machine}\n${page}\n5368709120\n4300000000\nopam\n`);
      expect(result.all).toMatch(/Reusing the VM of the previous step\.\nkept\n/);
      expect(result.all).toContain("1234\n1235\n/made\nvalue\none secret of many characters\nplain\n");
      expect(result.all).toContain(`${sha256(big)}  -\n`);
      expect(result.all).toContain("0\nfirst\n1234:1235\ngone\n");
      const { steps } = JSON.parse(await readFile(metadata, "utf8")) as Metadata;
      const [cold = 0, further = 0] = steps.filter(({ op }) => op === "run").map((step) => step.milliseconds);
      await annotate(`a cold first step ${cold} ms, a further one ${further} ms`);
    });

    it.skipIf(notResumable.has(arch))("resumes a snapshot for the first step of another build", async () => {
      const before = Date.now() / 1_000;
      const spec = `((from ${image}) (run (shell "date +%s; cat /etc/hostname")))`;
      const result = await build(store, spec, { flags });
      expect(result.exitCode, result.all).toBe(0);
      expect(result.all).toContain('"-incoming" "defer"');
      const [, seconds] = /^(\d{10})\nobuilder$/m.exec(result.all) ?? [];
      expect(Number(seconds)).toBeGreaterThan(before - 2);
      expect(Number(seconds)).toBeLessThan(Date.now() / 1_000 + 2);
    });

    it("ends a step that is cancelled, and keeps no layer of it", async () => {
      const layers = () => readdir(path.join(store.directory, "result"));
      const before = await layers();
      const { process: running } = await startBuild(
        store,
        `((from ${image}) (run (shell "echo started; sleep 5000")))`,
        { flags },
      );
      await printed(running, "started\n");
      running.kill("SIGINT");
      expect((await running).exitCode).toBe(130);
      expect(await layers()).toEqual(before);
    });
  });
});
