import assert from "node:assert/strict";
import { PassThrough, Readable } from "node:stream";
import { sha256 } from "../../digest.ts";
import { type ErrorCode, isObError } from "../../errors.ts";
import type { ObEvent } from "../../events.ts";
import { layerId } from "../../layer-id.ts";
import type { GuestImage } from "../../ports/guest.ts";
import type { CopyTask, OpenArchiveOptions, Sandbox, SandboxRunOptions } from "../../ports/sandbox.ts";
import type { RunTask } from "../../ports/run-task.ts";
import type { ConformanceCase } from "./case.ts";

/** A sandbox for one case; disposing of it closes the sandbox and removes what was made. */
export interface SandboxFixture extends AsyncDisposable {
  readonly sandbox: Sandbox;
  /** Its guest's login shell is of Bourne's family. */
  readonly image: GuestImage;
  /** Makes a writable disk for one step on that image, or on a disk that a step has left. */
  createDisk(parent?: string): Promise<string>;
  /** A tar archive. */
  openArchive(): Readable;
}

type Check = (fixture: SandboxFixture) => Promise<void>;

/** What every `Sandbox` does. A case starts few guests: each takes its time where they are real. */
export function sandboxConformance(makeFixture: () => Promise<SandboxFixture>): readonly ConformanceCase[] {
  return Object.entries({ ...running, ...inSession, ...copying, ...ephemeral, ...cancelling }).map(
    ([name, check]) => ({
      name,
      run: async () => {
        await using fixture = await makeFixture();
        await check(fixture);
      },
    }),
  );
}

const running: Readonly<Record<string, Check>> = {
  "a guest is what its manifest says": async ({ sandbox, image }) => {
    const { manifest } = image;
    if (!manifest) return;
    const { os, arch, cacheFileSystem, copyTarget, copySource } = sandbox.guest(image);
    assert.deepEqual({ os, arch }, { os: manifest.guestOs, arch: manifest.guestArch });
    assert.match(cacheFileSystem, /^[a-z][a-z0-9-]*$/);
    assert.deepEqual([copyTarget("/srv/in/"), copySource("/srv/in")], ["/srv/in/", "/srv/in"]);
  },

  "a command's output arrives byte for byte": async (fixture) => {
    const { output } = await runTask(fixture, {
      command: String.raw`printf 'a\000\377\r\n'; printf end >&2`,
    });
    assert.deepEqual(output, Buffer.from([0x61, 0, 0xff, 0x0d, 0x0a, ...Buffer.from("end")]));
  },

  "a command sees its directory, its environment and no input": async (fixture) => {
    const { output } = await runTask(fixture, {
      command: `pwd; printf '%s\\n' "$GREETING"; wc -c | tr -d ' '`,
      workdir: "/tmp",
      environment: [["GREETING", `it's "quoted" $HOME`]],
    });
    assert.equal(output.toString(), `/tmp\nit's "quoted" $HOME\n0\n`);
  },

  "a step's own shell gets the command as its last argument": async (fixture) => {
    const { output } = await runTask(fixture, {
      command: "two words; $HOME",
      shell: ["/bin/sh", "-c", String.raw`printf '<%s>' "$@"`, "sh", "it's"],
    });
    assert.equal(output.toString(), "<it's><two words; $HOME>");
  },

  "a command that fails is STEP_FAILED with its status, after its output": async (fixture) => {
    const chunks: Uint8Array[] = [];
    const onOutput = (bytes: Uint8Array): void => void chunks.push(bytes);
    const failing = runTask(fixture, { command: "echo before; exit 42" }, { onOutput });
    await assert.rejects(failing, (error) => isObError(error, "STEP_FAILED") && error.exitCode === 42);
    assert.equal(Buffer.concat(chunks).toString(), "before\n");
  },

  "the phases that a step enters name its layer": async (fixture) => {
    const { events } = await runTask(fixture, { command: "true" });
    const phases = events.filter((event) => event.type === "phase");
    assert.ok(phases.some(({ phase }) => phase === "run"));
    assert.ok(phases.every(({ layer }) => layer === layerOfSteps));
  },
};

const inSession: Readonly<Record<string, Check>> = {
  "steps of a session run one after the other, whether a disk is a child of the previous one or not": async (
    fixture,
  ) => {
    await using session = fixture.sandbox.openSession();
    const first = await fixture.createDisk();
    const second = await fixture.createDisk(first);
    const strange = await fixture.createDisk();
    for (const [word, disk] of [
      ["first", first],
      ["second", second],
      ["strange", strange],
    ] as const) {
      const task = { ...plainTask, command: `echo ${word}` };
      const chunks: Uint8Array[] = [];
      const onOutput = (bytes: Uint8Array): void => void chunks.push(bytes);
      const step = { layer: layerOfSteps, disk, image: fixture.image, task, keepVm: true };
      await session.run(step, { onOutput });
      assert.equal(Buffer.concat(chunks).toString(), `${word}\n`);
    }
    await session[Symbol.asyncDispose]();
    await session[Symbol.asyncDispose]();
  },
};

const copying: Readonly<Record<string, Check>> = {
  "an archive is opened for the owner that the step names, and read to its end": async (fixture) => {
    let ended = false;
    const owners: OpenArchiveOptions["owner"][] = [];
    const openArchive = ({ owner }: OpenArchiveOptions): Readable => {
      owners.push(owner);
      return fixture.openArchive().once("end", () => (ended = true));
    };
    const user = { uid: 4321, gid: 8765 };
    await runStep(fixture, { kind: "copy", user, openArchive });
    assert.ok(ended);
    assert.deepEqual(owners, [user]);
  },

  "an archive that breaks off fails the step": async (fixture) => {
    const openArchive = (): Readable =>
      Readable.from(
        (async function* () {
          yield Buffer.alloc(512, 1);
          await Promise.resolve();
          throw new Error("cannot read big.bin");
        })(),
      );
    await assert.rejects(
      runStep(fixture, { kind: "copy", user: undefined, openArchive }),
      /cannot read big\.bin/,
    );
  },
};

const ephemeral: Readonly<Record<string, Check>> = {
  "an ephemeral guest gives files and runs programs, until it is disposed of": async ({
    sandbox,
    image,
    createDisk,
  }) => {
    const request = { layer: layerOfSteps, disk: await createDisk(), image };
    const guest = await sandbox.openEphemeral(request);
    const archive: Uint8Array[] = [];
    for await (const bytes of guest.readArchive("/etc/passwd")) archive.push(bytes);
    assert.ok(Buffer.concat(archive).subarray(0, 100).toString().startsWith("./passwd\0"));
    const missing = async (): Promise<void> => {
      for await (const _ of guest.readArchive("/no/such"));
    };
    await rejectsWith("BAD_SOURCE", missing());
    const [output, errors] = [new PassThrough(), new PassThrough()];
    const terminal = { input: Readable.from(["typed"]), output, errors, tty: undefined };
    const command = ["/bin/sh", "-c", 'cat; printf "<%s>" "$@" >&2; exit 3', "sh", "it's", "$HOME"];
    assert.equal(await guest.execInteractive({ command, stdio: terminal }), 3);
    assert.equal(String(output.read()), "typed");
    assert.equal(String(errors.read()), "<it's><$HOME>");
    await guest[Symbol.asyncDispose]();
    await guest[Symbol.asyncDispose]();
    await rejectsWith("CANCELLED", guest.execInteractive({ command, stdio: terminal }));
  },

  "a failed step's guest is as the command left it, and the step fails with the same error": async (
    fixture,
  ) => {
    const reported: unknown[] = [];
    const onFailure = async (error: unknown): Promise<void> => void reported.push(error);
    const failing = runTask(fixture, { command: "exit 42" }, { onFailure });
    await assert.rejects(failing, (error) => error === reported[0] && isObError(error, "STEP_FAILED"));
    assert.equal(reported.length, 1);
  },
};

const cancelling: Readonly<Record<string, Check>> = {
  "nothing runs once the signal has fired": async (fixture) => {
    const events: ObEvent[] = [];
    const signal = AbortSignal.abort();
    const emit = (event: ObEvent): void => void events.push(event);
    await rejectsWith("CANCELLED", runTask(fixture, { command: "true" }, { signal, emit }));
    assert.deepEqual(
      events.filter(({ type }) => type === "phase" || type === "exec"),
      [],
    );
  },

  "a cancel ends a command that runs, and the sandbox can be used again": async (fixture) => {
    const controller = new AbortController();
    const onOutput = (): void => controller.abort();
    const cancelled = runTask(
      fixture,
      { command: "echo started; sleep 600" },
      { signal: controller.signal, onOutput },
    );
    await rejectsWith("CANCELLED", cancelled);
    const { output } = await runTask(fixture, { command: "echo again" });
    assert.equal(output.toString(), "again\n");
  },
};

const layerOfSteps = layerId(sha256("a step of the conformance suite"));

interface Outcome {
  readonly output: Buffer;
  readonly events: readonly ObEvent[];
}

async function runTask(
  fixture: SandboxFixture,
  task: Partial<RunTask> & { readonly command: string },
  options: SandboxRunOptions = {},
): Promise<Outcome> {
  return await runStep(fixture, { ...plainTask, ...task }, options);
}

const plainTask: Omit<RunTask, "command"> = {
  kind: "run",
  shell: [],
  workdir: "/",
  user: undefined,
  environment: [],
  network: "none",
  caches: [],
  secrets: [],
};

async function runStep(
  { sandbox, image, createDisk }: SandboxFixture,
  task: RunTask | CopyTask,
  options: SandboxRunOptions = {},
): Promise<Outcome> {
  const chunks: Uint8Array[] = [];
  const events: ObEvent[] = [];
  const disk = await createDisk();
  await sandbox.run(
    { layer: layerOfSteps, disk, image, task },
    { onOutput: (bytes) => void chunks.push(bytes), emit: (event) => void events.push(event), ...options },
  );
  return { output: Buffer.concat(chunks), events };
}

async function rejectsWith(code: ErrorCode, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error) => isObError(error, code));
}
