import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { type CopyTask, ObError } from "@ob/core";
import { fakeOwner, type FakeReadRequest, type FakeStep } from "@ob/core/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bench, type BenchOptions, gate, request } from "../builds.test.helper.ts";
import { checkSourcePath } from "./copy-from-build.ts";

let directory = "";
let guest = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ob-copy-"));
  guest = join(directory, "guest");
  await mkdir(join(guest, "opt"), { recursive: true });
  await writeFile(join(guest, "opt/tool"), "a tool");
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** Plays the guest's tar with the host's. */
async function* readArchive({ path, exclude = [] }: FakeReadRequest): AsyncGenerator<Uint8Array> {
  const words = exclude.map((name) => `--exclude=${name}`);
  yield execFileSync("tar", [...words, "-cf", "-", "-C", join(guest, path), "."]);
}

/** A bench whose guests really unpack, each into a directory of its own. */
function copying(options: BenchOptions = {}) {
  const roots: string[] = [];
  const unpack = async ({ task }: FakeStep<CopyTask>) => {
    const root = await mkdtemp(join(directory, "root-"));
    execFileSync("tar", ["-xf", "-", "-C", root], {
      input: await buffer(task.openArchive({ owner: fakeOwner(task.user) })),
    });
    roots.push(root);
  };
  return Object.assign(bench({ copy: unpack, ephemeralGuest: { readArchive }, ...options }), { roots });
}

const text = `((build tools ((from other) (run (shell "make tool"))))
  (from base) (copy (from (build tools)) (src opt) (dst /usr/)))`;

function nothingHeld({ store, caches, sandbox }: ReturnType<typeof copying>): void {
  expect([
    store.openWriters,
    store.openScratchDisks,
    caches.openLeases,
    sandbox.running,
    sandbox.openGuests,
  ]).toEqual([0, 0, 0, 0, 0]);
}

test("the files of the build arrive, and everything is released", async () => {
  await using setting = copying();
  await setting.builder.build(request(text));
  const [root = ""] = setting.roots;
  expect(await readFile(join(root, "usr/opt/tool"), "utf8")).toBe("a tool");
  const [ephemeral] = setting.sandbox.ephemeralGuests;
  const made = setting.events.find(
    (event) => event.type === "step-finished" && event.step.heading.includes("make"),
  );
  expect(made?.type === "step-finished" && made.step.id).toBe(ephemeral?.layer);
  nothingHeld(setting);
});

test("the second time nothing is read, and the ids are those of the plan", async () => {
  await using setting = copying();
  const planned = await setting.builder.plan(request(text));
  const id = await setting.builder.build(request(text));
  expect(planned.at(-1)).toMatchObject({ id, cached: false, op: "copy" });
  expect(await setting.builder.build(request(text))).toBe(id);
  expect((await setting.builder.plan(request(text))).every(({ cached }) => cached)).toBe(true);
  expect(setting.sandbox.ephemeralGuests).toHaveLength(1);
});

test("an inner build of the same name shadows the outer one", async () => {
  await using setting = copying();
  const inner = `((build tools ((from other) (run (shell inner)))) (from base)
    (copy (from (build tools)) (src opt) (dst /x)))`;
  await setting.builder.build(
    request(`((build tools ((from other) (run (shell outer)))) (build user ${inner}) (from base)
      (copy (from (build tools)) (src opt) (dst /x)))`),
  );
  const [first, second] = setting.sandbox.ephemeralGuests.map(({ layer }) => setting.store.logOf(layer));
  expect([first, second]).toEqual(["inner\n", "outer\n"]);
});

test("the source is booted with the manifest of its own base image", async () => {
  await using setting = copying();
  await setting.builder.build(request(text));
  expect(setting.sandbox.ephemeralGuests[0]?.image.manifestDirectory).toBe("/memory/base-image");
  expect(setting.sandbox.ephemeralGuests[0]?.disk).not.toBe(setting.sandbox.steps.at(-1)?.disk);
});

describe("where something fails", () => {
  test("a missing path is named, with its build", async () => {
    const missing = () => {
      throw new ObError("BAD_SOURCE", 'There is nothing at "/opt".');
    };
    await using setting = copying({ ephemeralGuest: { readArchive: missing } });
    await expect(setting.builder.build(request(text))).rejects.toMatchObject({
      code: "BAD_SOURCE",
      message: 'Cannot copy from the build "tools". There is nothing at "/opt".',
    });
    nothingHeld(setting);
  });

  test("a guest that cannot be read ends the one that waits for it", async () => {
    await using setting = copying();
    setting.sandbox.openEphemeral = async () => {
      throw new ObError("BOOT_FAILED", "no boot");
    };
    await expect(setting.builder.build(request(text))).rejects.toMatchObject({ message: "no boot" });
    nothingHeld(setting);
  });

  test("a guest that cannot be written ends the one that is read", async () => {
    const fail = () => {
      throw new ObError("STEP_FAILED", "the disk is full");
    };
    await using setting = copying({ copy: fail });
    await expect(setting.builder.build(request(text))).rejects.toMatchObject({ message: "the disk is full" });
    nothingHeld(setting);
  });

  test("a cancel during the copy releases everything", async () => {
    const reading = gate();
    const controller = new AbortController();
    const stuck = async function* ({ signal }: FakeReadRequest): AsyncGenerator<Uint8Array> {
      reading.open();
      await new Promise((resolve) => {
        signal.addEventListener("abort", resolve);
      });
      yield Buffer.alloc(0);
    };
    await using setting = copying({ ephemeralGuest: { readArchive: stuck } });
    const building = setting.builder.build(request(text), { signal: controller.signal });
    building.catch(() => undefined);
    await reading.opened;
    controller.abort();
    await expect(building).rejects.toMatchObject({ code: "CANCELLED" });
    nothingHeld(setting);
    expect([...setting.store.list()]).toHaveLength(3);
  });
});

test.each([
  [".", "/"],
  ["/", "/"],
  ["", "/"],
  ["a", "/a"],
  ["/a//b/./c", "/a/b/c"],
  ["a/", "/a/"],
  ["a/.", "/a/"],
])("the source %j is %j", (source, path) => {
  expect(checkSourcePath(source)).toBe(path);
});
