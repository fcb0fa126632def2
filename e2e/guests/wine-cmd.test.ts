import { access, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { sha256 } from "@ob/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inMountOrder } from "../../packages/sandbox-qemu/src/guest/mount-order.ts";
import type { GuestCommand } from "../../packages/sandbox-qemu/src/guest/profile.ts";
import { windowsGuest } from "../../packages/sandbox-qemu/src/guest/windows/profile.ts";
import { cygwinCommand } from "../../packages/sandbox-qemu/src/ssh/quote/cygwin.ts";
import { runTask } from "../sandbox/harness.ts";
import { missingForWine, startWine, type WineGuest } from "./wine.ts";

const missing = await missingForWine();
const target = String.raw`C:\build\with blank\cache`;
const inDrive = "build/with blank/cache";
const profile = windowsGuest("opam");

const taskWith = (changes: Parameters<typeof runTask>[1]) => inMountOrder(runTask("", changes), profile);
const withCaches = (...targets: readonly string[]) =>
  taskWith({
    caches: targets.map((each, index) => ({ name: `c${index}`, disk: "", formatted: true, target: each })),
  });
const withSecret = (at: string, contents: Uint8Array) => taskWith({ secrets: [{ target: at, contents }] });
/** The command that makes the junction to the drive of the last cache. */
const makeJunction = (...targets: readonly string[]) => profile.mount(withCaches(...targets)).at(-1);

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

// The name says why it is skipped. This is Wine's cmd, not that of Windows.
describe.skipIf(missing !== undefined)(
  `Windows' commands by Wine's cmd behind sshd (wine-cmd; needs ${missing ?? "nothing more"})`,
  () => {
    let wine: WineGuest;
    const at = (file: string): string => path.join(wine.drive, file);
    const run = (script: string) => wine.run(cygwinCommand(script));
    const runCommand = (command: GuestCommand | undefined, input = command?.input) =>
      wine.run(command?.command ?? "exit 1", input);

    describe("with nothing simulated", () => {
      beforeAll(async () => {
        wine = await startWine({ simulateJunctions: false });
      }, 300_000);
      afterAll(async () => await wine[Symbol.asyncDispose]());

      it("the old directory is removed, its parents are created, and a junction that cmd did not create is detected", async () => {
        await mkdir(at(inDrive), { recursive: true });
        await writeFile(at(`${inDrive}/old`), "");
        const ended = await runCommand(makeJunction(target));
        expect(ended).toMatchObject({
          code: 125,
          said: expect.stringContaining(`the junction at ${target} does not lead to d:`),
        });
        await expect(readdir(at("build/with blank"))).resolves.toEqual([]);
        await expect(readdir(wine.cache)).resolves.toEqual([]);
      });

      it("missing parents are created", async () => {
        await runCommand(makeJunction(String.raw`C:\new\deep er\cache`));
        await expect(readdir(at("new"))).resolves.toEqual(["deep er"]);
      });

      it("a missing drive is named in the error", async () => {
        const ended = await runCommand(
          makeJunction(...Array.from({ length: 6 }, (_, n) => (n === 5 ? target : `${target}${n}`))),
        );
        expect(ended).toMatchObject({ code: 125, said: expect.stringContaining("no drive i:") });
      });

      it("cmd does not find a path in double quotes inside a word, and exits with 0", async () => {
        await mkdir(at("quoted"));
        const ended = await run(String.raw`cmd /c 'if exist "C:\quoted" rmdir /s /q "C:\quoted"'`);
        expect(ended.code).toBe(0);
        await expect(exists(at("quoted"))).resolves.toBe(true);
        await run(String.raw`cmd /c if exist 'C:\quoted' rmdir /s /q 'C:\quoted'`);
        await expect(exists(at("quoted"))).resolves.toBe(false);
      });

      it.each(["a&b", "a(b"])(
        "cmd does not accept a directory %s, which is why it is rejected as a target",
        async (name) => {
          await mkdir(at(name));
          await run(String.raw`cmd /c if exist 'C:\${name}' rmdir /s /q 'C:\${name}'`);
          await expect(exists(at(name))).resolves.toBe(true);
        },
      );

      it("a secret is at its target with its size, and is removed with the directories that were created for it", async () => {
        const contents = Buffer.from("hidden\0\n");
        const task = withSecret("C:/secrets/deep/key", contents);
        await expect(runCommand(profile.mount(task)[0])).resolves.toMatchObject({ code: 0 });
        await expect(readFile(at("secrets/deep/key"))).resolves.toEqual(contents);
        await expect(runCommand(profile.unmount(task, "")[0])).resolves.toMatchObject({ code: 0 });
        await expect(exists(at("secrets"))).resolves.toBe(false);
      });

      it("a secret that was damaged on its way is rejected", async () => {
        const lines = Buffer.from(`${Buffer.from("hidden").toString("base64")}\n${sha256("Hidden")}\n`);
        const [command] = profile.mount(withSecret("C:/key", Buffer.from("Hidden")));
        const ended = await runCommand(command, lines);
        expect(ended).toMatchObject({ code: 125, said: expect.stringContaining("did not arrive") });
      });
    });

    describe("with symbolic links instead of junctions, which Wine 8 does not support", () => {
      beforeAll(async () => {
        wine = await startWine({ simulateJunctions: true });
      }, 300_000);
      afterAll(async () => await wine[Symbol.asyncDispose]());

      it("a cache is mounted, used and unmounted, and a stale junction does not delete it", async () => {
        await expect(runCommand(makeJunction(target))).resolves.toMatchObject({ code: 0 });
        await writeFile(at(`${inDrive}/kept`), "");
        // The previous step ended without removing its junction.
        await expect(runCommand(makeJunction(target))).resolves.toMatchObject({ code: 0 });
        await expect(readdir(wine.cache)).resolves.toEqual(["kept"]);
        const [unmount] = profile.unmount(withCaches(target), "");
        await expect(runCommand(unmount)).resolves.toMatchObject({ code: 0 });
        await expect(exists(at(inDrive))).resolves.toBe(false);
        await expect(readdir(wine.cache)).resolves.toEqual(["kept"]);
      });
    });
  },
);
