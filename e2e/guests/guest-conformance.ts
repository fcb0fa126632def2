import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { type KnownGuestOs, sha256 } from "@ob/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { build, printed, startBuild } from "../support/obuilder.ts";
import type { TestStore } from "../support/store.ts";
import { type GuestImageFiles, storeWith } from "./guest-image.ts";
import { type GuestDialect, dialectOf } from "./guest-dialects.ts";

/** A text as an atom of a spec. */
const atom = (text: string): string => JSON.stringify(text);

const secret = `secret-${crypto.randomUUID()}`;
const greeting = `it's "quoted" $HOME & 100% \\ ü`;

export interface GuestConformanceOptions {
  readonly os: KnownGuestOs;
  readonly image: () => Promise<GuestImageFiles>;
  /** True for a guest whose SSH connection damages the first two archives of a copy; by default false. */
  readonly damagesCopies?: boolean;
  /** For each build, such as the number of processors. */
  readonly flags?: readonly string[];
}

/** In milliseconds. Several guests start one after the other, under emulation, on a machine that may be loaded. */
const timeout = 1_200_000;

/**
 * The tests that every guest must pass: boot, copy, run, caches, secrets, users, failure, cancel, stop, commit.
 *
 * @param label names the guest and the verification level. Below real media it must not be the name of the system alone.
 */
export function guestConformance(
  label: string,
  { os, image, damagesCopies = false, flags = [] }: GuestConformanceOptions,
): void {
  describe(`guest conformance on ${label}`, () => {
    let store: TestStore;
    let guest: GuestImageFiles;
    let ways: GuestDialect;
    beforeAll(async () => {
      guest = await image();
      expect(guest.os).toBe(os);
      ways = dialectOf(os, guest.loginUser);
      store = await storeWith(guest);
    }, timeout);
    afterAll(async () => await store?.[Symbol.asyncDispose]());

    const cache = (target = ways.cache): string => `(cache (life (target ${atom(target)})))`;

    describe("a build", { concurrent: false }, () => {
      const big = Buffer.alloc(3_000_000, "0123456789abcdef");
      let output: string;
      let ids: readonly string[];

      it(
        "runs every step",
        async () => {
          await makeSource(store.work, { big, links: ways.keepsLinks });
          await writeFile(path.join(store.work, "token"), secret);
          const { directory } = ways.copied;
          const commands = [
            `printf '<%s>\\n' "$GREETING"; pwd; echo kept > after`,
            `${ways.sha256} ${directory}/big; cat "${directory}/with blank/plain"; ${directory}/run.sh`,
            `${ways.sha256} ${ways.secret.file}; echo filled > ${ways.cacheDirectory}/filled`,
            `(cd ${ways.cacheDirectory}; sleep 900 &)`,
            // The user of the run owns the files that were copied before.
            `echo made >${directory}/made`,
            `echo first done`,
          ];
          const seen = [
            `echo "$0"; cat after ${ways.otherCacheDirectory}/filled`,
            `test ! -e ${ways.secret.file} && echo no secret`,
            `test ! -e ${ways.cacheDirectory}/filled && echo no cache`,
            `id -u; id -g`,
          ];
          const built = await build(
            store,
            `((from ${guest.name})
            (copy (src in) (dst ${atom(ways.copied.destination)}))
            (env GREETING ${atom(greeting)})
            (workdir ${atom(ways.workdir)})
            (run ${cache()} (secrets (token (target ${atom(ways.secret.target)}))) (shell ${atom(commands.join("\n"))}))
            (shell ${ways.shell.words})
            ${ways.otherUser?.spec ?? ways.superuser}
            (run ${cache(ways.otherCache)} (shell ${atom(seen.join("; "))})))`,
            { flags: ["--secret", `token:${path.join(store.work, "token")}`, ...flags] },
          );
          output = built.all;
          expect(built.exitCode, output).toBe(0);
          ids = [...output.matchAll(/---> saved as "([0-9a-f]{64})"/g)].map((match) => match[1] ?? "");
          expect(ids).toHaveLength(4);
        },
        timeout,
      );

      it("sets a command's variables, directory and copied files", () => {
        expect(output).toContain(`<${greeting}>\n`);
        expect(output).toMatch(/\/deep\/er\n/);
        expect(output).toContain(sha256(big));
        expect(output).toContain("undamaged\nran\n");
        expect(output).toContain("first done\n");
      });

      it("detects a damaged copy, and finally sends it on a CD-ROM", () => {
        const said = ["Sending the files again, through SSH.", "Sending the files again, on a CD-ROM."];
        expect(said.map((each) => output.includes(each))).toEqual([damagesCopies, damagesCopies]);
      });

      it("runs the command in the step's own shell", () => {
        expect(output).toMatch(ways.shell.name);
      });

      it("keeps files in the layers, but not those of caches", () => {
        expect(output).toContain("kept\nfilled\n");
        expect(output).toContain("no cache\n");
      });

      it("provides the secret while the step runs, and nowhere afterwards", async () => {
        expect(output).toContain(sha256(secret));
        expect(output).toContain("no secret\n");
        for (const id of ids) {
          const layer = path.join(store.directory, "result", id);
          for (const file of ["rootfs/image.qcow2", "log"]) {
            const bytes = await readFile(path.join(layer, file));
            expect(bytes.includes(secret), `${file} of ${id}`).toBe(false);
            expect(bytes.includes(Buffer.from(secret).toString("base64")), `${file} of ${id}`).toBe(false);
          }
        }
      });

      it("runs a step as the user in the spec", () => {
        const { otherUser } = ways;
        if (otherUser) expect(output).toContain(otherUser.says.replace(":", "\n"));
      });

      it("warns about links if they may be lost", () => {
        expect(/symbolic links/.test(output)).toBe(!ways.keepsLinks);
      });
    });

    it(
      "a command that fails ends the build with its status, and its cache is kept; one that is cancelled leaves nothing",
      { timeout, concurrent: false },
      async () => {
        const fails = `echo more > ${ways.cacheDirectory}/more; echo to stderr >&2; exit 3`;
        const failing = `((from ${guest.name}) (run ${cache()} (shell ${atom(fails)})))`;
        const failed = await build(store, failing, { flags });
        expect(failed.exitCode, failed.all).not.toBe(0);
        expect(failed.all).toContain("to stderr");
        expect(failed.all).toMatch(/exit status 3\b|exited with status 3\b/);

        const layers = async (): Promise<readonly string[]> => {
          const all = await readdir(path.join(store.directory, "result")).catch(() => []);
          return all.filter((id) => id !== sha256(guest.name));
        };
        const before = await layers();
        const reads = `cat ${ways.cacheDirectory}/more; echo under way; sleep 900`;
        const { process: running } = await startBuild(
          store,
          `((from ${guest.name}) ${ways.superuser} (run ${cache()} (shell ${atom(reads)})))`,
          { flags },
        );
        await printed(running, "under way\n");
        running.kill("SIGINT");
        const ended = await running;
        expect(ended.exitCode, ended.all).not.toBe(0);
        expect(ended.all).toMatch(/^more\nunder way$/m);
        await expect(layers()).resolves.toEqual(before);
        // Logs of unfinished steps are kept, but their disks are not.
        const left = await readdir(path.join(store.directory, "result-tmp"), { recursive: true });
        expect(left.filter((file) => file.endsWith(".qcow2"))).toEqual([]);
      },
    );
  });
}

async function makeSource(
  work: string,
  { big, links }: { readonly big: Uint8Array; readonly links: boolean },
) {
  const source = path.join(work, "in");
  await mkdir(path.join(source, "with blank"), { recursive: true });
  await writeFile(path.join(source, "big"), big);
  await writeFile(path.join(source, "with blank/plain"), "undamaged\n");
  await writeFile(path.join(source, "run.sh"), "#!/bin/sh\necho ran\n", { mode: 0o755 });
  await writeFile(path.join(source, `${"long-".repeat(40)}name`), "long");
  await symlink("big", path.join(source, links ? "link" : "lost"));
}
