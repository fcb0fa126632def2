import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { sha256 } from "@ob/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { build, builtId, obuilder } from "./support/obuilder.ts";
import { type TestStore, temporaryStore, whyWithout } from "./support/store.ts";

const layers = (where: TestStore) => readdir(path.join(where.directory, "result"));

const images = ["debian-12-amd64", "debian-13-riscv64"];
const guests = await Promise.all(images.map(async (image) => ({ image, missing: await whyWithout(image) })));

describe.each(guests)("on $image", { timeout: 600_000 }, ({ image, missing }) => {
  const title = missing === undefined ? "" : ` (skipped: ${missing})`;
  describe.skipIf(missing !== undefined)(`in its virtual machines${title}`, () => {
    let store: TestStore;
    beforeAll(async () => {
      store = await temporaryStore(image);
    });
    afterAll(() => store[Symbol.asyncDispose]());

    describe("a complete build", () => {
      const spec = `(
    (build tools ((from ${image}) (run (shell "echo tools > ~/tools"))))
    (from ${image})
    (comment "each step sees what the ones before left")
    (run (shell "id -un; pwd; echo kept > /tmp/../home/opam/kept"))
    (env GREETING "it's \\"quoted\\" $HOME")
    (workdir /home/opam/deep/er)
    (run (shell "printf '%s\\n' \\"$GREETING\\"; pwd; cat ~/kept; printf 'to stderr\\n' >&2"))
    (shell /bin/sh -c)
    (run (shell "echo \\"shell is $0\\"; printf 'no newline at the end'"))
  )`;
      let first: Awaited<ReturnType<typeof build>>;

      it("runs every step and prints the original's transcript", async () => {
        // The nested build and the main one run in parallel.
        first = await build(store, spec, { flags: ["--jobs", "2"] });
        expect(first.all).toContain(`(from ${image})`);
        expect(first.exitCode, first.all).toBe(0);
        expect(first.all).toContain("opam\n/\n");
        expect(first.all).toContain(`it's "quoted" $HOME\n/home/opam/deep/er\nkept\n`);
        expect(first.all).toContain("to stderr");
        expect(first.all).toMatch(/shell is (\/bin\/)?sh\nno newline at the end/);
        expect(first.all.match(/---> saved as "[0-9a-f]{64}"/g)).toHaveLength(5);
        await expect(layers(store)).resolves.toContain(builtId(first.all));
      });

      it("reuses every layer the second time, and replays the logs", async () => {
        const second = await build(store, spec, { env: { PATH: "/nonexistent" } });
        expect(second.exitCode, second.all).toBe(0);
        expect(builtId(second.all)).toBe(builtId(first.all));
        expect(second.all).not.toContain("---> saved as");
        expect(second.all).toContain(`it's "quoted" $HOME\n/home/opam/deep/er\nkept\n`);
      });

      it("keeps the output of a step as its log, byte for byte", async () => {
        const log = await readFile(path.join(store.directory, "result", builtId(first.all), "log"), "utf8");
        expect(log).toMatch(/^shell is (\/bin\/)?sh\nno newline at the end$/);
      });

      it("plans the same ids as it builds", async () => {
        const planned = await obuilder(
          ["plan", "--json", `--store=qemu:${store.directory}`, "-f", "-", store.work],
          { input: spec },
        );
        const steps = planned.stdout.split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
        expect(steps.at(-1)).toMatchObject({ op: "run", id: builtId(first.all), cached: true });
        expect(steps.every((step) => step["cached"] === true)).toBe(true);
      });
    });

    describe("copy", () => {
      it("preserves files, modes, links and owners in the guest, and excludes names", async () => {
        const source = path.join(store.work, "source");
        await mkdir(path.join(source, "sub/.git"), { recursive: true });
        await writeFile(path.join(source, "sub/plain.txt"), "plain\n", { mode: 0o600 });
        await writeFile(path.join(source, "sub/run.sh"), "#!/bin/sh\necho ran\n", { mode: 0o700 });
        await writeFile(path.join(source, "sub/.git/config"), "left out");
        await writeFile(path.join(source, `sub/${"long-".repeat(40)}name`), "long");
        await writeFile(path.join(source, "sub/ünïcode and blanks"), "x");
        const big = Buffer.alloc(3_000_000, "0123456789abcdef");
        await writeFile(path.join(source, "big"), big);
        await symlink("plain.txt", path.join(source, "sub/link"));
        const result = await build(
          store,
          `((from ${image})
        (copy (src sub) (dst /srv/) (exclude .git))
        (user (uid 1000) (gid 1000))
        (workdir /data)
        (copy (src big) (dst renamed))
        (shell /bin/sh -c)
        (run (shell "cd /srv/sub && ls -A | sort && stat -c '%a %u:%g' plain.txt run.sh && readlink link && ./run.sh && sha256sum < /data/renamed && stat -c '%u:%g' /data/renamed")))`,
          { source },
        );
        expect(result.exitCode, result.all).toBe(0);
        expect(result.all).toContain(
          ["link", `${"long-".repeat(40)}name`, "plain.txt", "run.sh", "ünïcode and blanks"].join("\n"),
        );
        expect(result.all).not.toContain(".git\n");
        expect(result.all).toContain("644 1000:1000\n755 1000:1000\nplain.txt\nran\n");
        expect(result.all).toContain(`${sha256(big)}  -\n1000:1000\n`);
      });
    });

    describe("user, cache and secret in one step", () => {
      it("work together, and the next step sees what is in the cache but not the secret", async () => {
        const secret = path.join(store.work, "token");
        await writeFile(secret, "one secret\n");
        const cache = `(cache (kept (target /var/cache/kept)))`;
        const result = await build(
          store,
          `((from ${image})
        (user (uid 1234) (gid 1235))
        (env NAME value)
        (workdir /made)
        (run ${cache} (secrets (token (target /run/secrets/token)))
          (shell "id -u; id -g; pwd; echo $NAME; cat /run/secrets/token; echo first >/var/cache/kept/file; echo x >in-workdir"))
        (user (uid 0) (gid 0))
        (run ${cache}
          (shell "id -u; cat /var/cache/kept/file; stat -c %u:%g /made/in-workdir; test ! -e /run/secrets/token && echo gone")))`,
          { flags: ["--secret", `token:${secret}`] },
        );
        expect(result.exitCode, result.all).toBe(0);
        expect(result.all).toContain("1234\n1235\n/made\nvalue\none secret\n");
        expect(result.all).toContain("0\nfirst\n1234:1235\ngone\n");
      });
    });
  });
});
