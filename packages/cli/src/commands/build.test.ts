import path from "node:path";
import { ObError } from "@ob/core";
import { describe, expect, it } from "vitest";
import { createInterrupts, obuilder, fakeServices } from "../testing/run.ts";

const store = "--store=qemu:/nowhere";
const spec = '((from debian-12) (workdir /src) (run (shell "make all")))';
const build = ["build", store, "-f", "-", "."];

/** Ids are long, and the same in every run. */
const shortened = (text: string) => text.replaceAll(/[0-9a-f]{56}(?=")/g, "…");

describe("build", () => {
  it("prints the original's transcript, and replays it from the store the second time", async () => {
    const services = fakeServices();
    const first = await obuilder(build, { services, stdin: spec });
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(shortened(first.stdout)).toMatchInlineSnapshot(`
      "(from debian-12)
      ---> saved as "cae66afe…"
      /: (workdir /src)
      /src: (run (shell "make all"))
      make all
      ---> saved as "569ab682…"
      Got: "569ab682…"
      "
    `);
    const second = await obuilder(build, { services, stdin: spec });
    expect(second).toMatchObject({ code: 0, stderr: "" });
    expect(shortened(second.stdout)).toMatchInlineSnapshot(`
      "(from debian-12)
      ---> using "cae66afe…" from cache
      /: (workdir /src)
      /src: (run (shell "make all"))
      make all
      ---> using "569ab682…" from cache
      Got: "569ab682…"
      "
    `);
    expect(services.sandbox.commands).toEqual(["make all"]);
  });

  it("ends with 1 when a step fails, and prints its status", async () => {
    const services = fakeServices({ run: () => 7 });
    const result = await obuilder(build, { services, stdin: spec });
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/^Build step failed: The command failed with exit status 7\.\n/);
    expect(result.stdout).not.toContain("Got:");
  });

  it("ends a failure with the step, its place in the spec, its stage, and its last lines", async () => {
    const lines = Array.from({ length: 30 }, (_, index) => `line ${index}`);
    const services = fakeServices({
      run: ({ output }) => (output(`${lines.join("\n")}\n\x1b]0;title\x07no \x1b[31mmake\x1b[0m\n\n`), 127),
    });
    const nested = `((build my-tools ((from debian-12)\n  (workdir /src)\n  (run (shell "make all"))))\n (from debian-12))`;
    const { stderr } = await obuilder(build, { services, stdin: nested });
    expect(stderr.replace(/id [0-9a-f]{64}/, "id …").replace(/log [0-9a-f]{12}/, "log …"))
      .toMatchInlineSnapshot(`
      "Build step failed: The command failed with exit status 127.
      <stdin>:3:3: /src: (run (shell "make all"))
        in (build my-tools …)
        id …
        The last lines of its output:
          line 21
          line 22
          line 23
          line 24
          line 25
          line 26
          line 27
          line 28
          line 29
          no make
      Hint: Status 127 usually means that a program was not found: is it installed, and in PATH? \`obuilder log …\` prints all of its output. \`--on-error=shell\` opens a shell where a command fails.
      "
    `);
  });

  it("explains the exit statuses that shells use themselves", async () => {
    for (const [status, said] of [
      [126, "Status 126 usually means that a program may not be run"],
      [127, "Status 127 usually means that a program was not found"],
      [137, "SIGKILL"],
    ] as const) {
      const services = fakeServices({ run: () => status });
      expect((await obuilder(build, { services, stdin: spec })).stderr).toContain(said);
    }
    const services = fakeServices({ run: () => 1 });
    expect((await obuilder(build, { services, stdin: spec })).stderr).not.toContain("Status ");
  });

  it("ends with 124 when a time limit is exceeded, and says which option sets it", async () => {
    const services = fakeServices({ run: () => new Promise(() => undefined) });
    for (const [flag, message] of [
      ["--step-timeout=0.05s", "obuilder: The step took longer than 0.05 s.\n"],
      ["--timeout=0.3s", "obuilder: The build took longer than 0.3 s.\n"],
    ] as const) {
      const { code, stderr } = await obuilder([...build, flag], { services, stdin: spec });
      expect(code).toBe(124);
      expect(stderr).toContain(`${message}<stdin>:1:34: /src: (run (shell "make all"))\n`);
      expect(stderr).toContain(`\`${flag.replace(/=.*/, "")}\` gives`);
    }
  });

  it("clips a log at --log-limit, and takes the sizes of the other limits", async () => {
    const services = fakeServices({ run: ({ output }) => output("x".repeat(3000)) });
    const { code, stdout } = await obuilder([...build, "--log-limit=1K", "--disk-reserve=1M"], {
      services,
      stdin: spec,
    });
    expect(code).toBe(0);
    expect(stdout).toContain(`\n${"x".repeat(1024)}\n[output clipped, log limit 1 KiB reached]\n---> saved`);
  });

  it("reports a copy that fails with its step, and offers no shell in it", async () => {
    const services = fakeServices({
      copy: () => {
        throw new ObError("STEP_FAILED", "The guest has no user web.");
      },
    });
    const copying = "((from debian-12)\n (user (name web))\n (copy (src package.json) (dst /srv/)))";
    const { code, stderr } = await obuilder(build, { services, stdin: copying });
    expect(code).toBe(1);
    expect(stderr).toContain("\n<stdin>:3:2: /: (copy (src package.json) (dst /srv/))\n");
    expect(stderr).not.toContain("--on-error");
  });

  it("ends with 130 when it is interrupted, and with 143 when it is terminated", async () => {
    for (const [signal, code] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
    ] as const) {
      const interrupts = createInterrupts();
      const services = fakeServices({
        run: async ({ signal: stopped, output }) => {
          output("half-way\n");
          interrupts.interrupt(signal);
          await new Promise((resolve) => {
            stopped.addEventListener("abort", resolve, { once: true });
          });
        },
      });
      const result = await obuilder(build, { services, stdin: spec, interrupts });
      expect(result.code).toBe(code);
      expect(result.stdout).toMatch(/half-way\n$/);
      expect(result.stderr).toBe("Cancelling… (Ctrl-C again stops at once)\nCancelled at user's request\n");
      expect(services.store.openWriters).toBe(0);
    }
  });

  it("reports a cancel when Ctrl-C ended a program first", async () => {
    const interrupts = createInterrupts();
    const services = fakeServices({
      run: () => {
        interrupts.interrupt("SIGINT");
        throw new ObError("GUEST_LOST", "QEMU ended.");
      },
    });
    const result = await obuilder(build, { services, stdin: spec, interrupts });
    expect(result.code).toBe(130);
    expect(result.stderr).toContain("Cancelled at user's request\n");
  });

  it("runs nested builds in parallel with -j, and prints the sequential transcript", async () => {
    const nested = `((build a ((from debian-12) (run (shell a)))) (build b ((from debian-12) (run (shell b))))
      (from debian-12) (run (shell main)))`;
    const shown: string[] = [];
    const most: number[] = [];
    for (const jobs of [1, 3]) {
      let running = 0;
      // No step ends before as many run as may.
      const allRun = Promise.withResolvers<void>();
      const services: ReturnType<typeof fakeServices> = fakeServices({
        run: async ({ task, output }) => {
          running = Math.max(running, services.sandbox.running);
          if (running === jobs) allRun.resolve();
          output(`${task.command}\n`);
          await allRun.promise;
        },
      });
      const { code, stdout } = await obuilder([...build, `-j${jobs}`], { services, stdin: nested });
      expect(code).toBe(0);
      // A build that waits for the layer of another one prints that it was saved.
      shown.push(stdout.replaceAll(/---> (saved as|using) ("\w+")( from cache)?/g, "---> $2"));
      most.push(running);
    }
    expect(shown[1]).toBe(shown[0]);
    expect(most).toEqual([1, 3]);
  });

  it("prints one object per line with --progress=json, the error last", async () => {
    const services = fakeServices({ run: ({ output }) => (output("early\n\nlate\n"), 7) });
    const { code, stdout } = await obuilder([...build, "--progress=json"], { services, stdin: spec });
    expect(code).toBe(1);
    const objects = stdout
      .trimEnd()
      .split("\n")
      .map((line): Record<string, unknown> => JSON.parse(line));
    expect(objects[0]).toEqual({ type: "build-started", steps: 2 });
    const { id } = objects.findLast(({ type }) => type === "step-started") ?? {};
    expect(objects.at(-1)).toMatchObject({
      type: "result",
      code: "STEP_FAILED",
      exitCode: 1,
      location: { file: "<stdin>", line: 1, column: 34 },
      step: {
        id,
        heading: '/src: (run (shell "make all"))',
        build: [],
        output: "early\nlate",
        status: 7,
        signal: null,
      },
    });
  });

  it("asks for a report of a bug, and ends with 4", async () => {
    const services = fakeServices({
      run: () => {
        throw new TypeError("x is not a function");
      },
    });
    const quiet = await obuilder(build, { services, stdin: spec });
    expect(quiet.code).toBe(4);
    expect(quiet.stderr).toContain(
      "obuilder: internal error: x is not a function\nThis is a bug in obuilder.",
    );
    expect(quiet.stderr).not.toContain("    at ");
    const verbose = await obuilder([...build, "-v"], { services, stdin: spec });
    expect(verbose.stderr).toContain("    at ");
  });

  it("checks the input before it opens the store", async () => {
    const services = {
      ...fakeServices(),
      openBuilder: () => Promise.reject(new Error("The store was opened.")),
    };
    for (const [argv, code, message] of [
      [["build", "-f", "-", "."], 2, "No store is given"],
      [["build", "--store=docker:x", "-f", "-", "."], 2, "container backend"],
      [["build", store, "."], 2, "No spec is given."],
      [["build", store, "-f", "missing.spec", "."], 2, "The spec missing.spec does not exist."],
      [["build", store, "-f", ".", "."], 2, "The spec . is a directory."],
      [["build", store, "-f", "-"], 2, "No source directory is given"],
      [["build", store, "-f", "-", "missing"], 2, "The source directory missing cannot be opened"],
      [["build", store, "-f", "-", "package.json"], 2, "package.json is not a directory"],
      [["build", store, "-f", "-", ".", "more"], 2, 'Unexpected argument "more".'],
      [[...build, "--secret", "token"], 2, '--secret takes ID:FILE, not "token".'],
      [[...build, "--secret", "token:/missing"], 4, 'The secret "token" cannot be read'],
      [[...build, "--qemu-memory=much"], 2, "--qemu-memory: invalid size"],
      [[...build, "--qemu-ssh-key=/missing"], 2, "The key of --qemu-ssh-key cannot be read"],
      [[...build, "-j0"], 2, "--jobs"],
      [[...build, "--step-timeout=0s"], 2, "--step-timeout"],
      [[...build, "--timeout=soon"], 2, "--timeout: invalid duration"],
      [[...build, "--log-limit=long"], 2, "--log-limit: invalid size"],
      [[...build, "--disk-reserve=-1"], 2, "--disk-reserve: invalid size"],
      [[...build, "--progress=loud"], 2, "--progress takes auto, plain, tty, json"],
    ] as const) {
      const result = await obuilder(argv, { services, stdin: spec });
      expect(result.stderr).toContain(message);
      expect(result.code).toBe(code);
      expect(result.stdout).toBe("");
    }
  });

  it("takes the store from OBUILDER_STORE", async () => {
    const env = { OBUILDER_STORE: "qemu:/nowhere" };
    const { code } = await obuilder(["build", "-f", "-", "."], {
      services: fakeServices(),
      stdin: spec,
      env,
    });
    expect(code).toBe(0);
  });

  it("names a secret that the spec needs and that was not given", async () => {
    const asking = '((from debian-12) (run (secrets (token (target /run/token))) (shell "cat /run/token")))';
    const result = await obuilder(build, { services: fakeServices(), stdin: asking });
    expect(result.code).toBe(4);
    expect(result.stderr).toContain('"token"');
    expect(result.stderr).toContain("Hint: Give it with --secret token:FILE");
  });

  it("says how to build a missing base image that a recipe is for, and where the spec names it", async () => {
    const known = await obuilder(build, { services: fakeServices(), stdin: "((from busybox))" });
    expect(known).toMatchObject({ code: 4, stdout: "" });
    expect(known.stderr).toBe(
      '<stdin>:1:8: There is no base image "busybox" in the store.\n  1 | ((from busybox))\n    |        ^^^^^^^\n' +
        "Hint: `obuilder image build busybox` builds it.\n",
    );
    const other = await obuilder(build, { services: fakeServices(), stdin: "((from debain-12))" });
    expect(other.stderr).toContain("Hint: Did you mean debian-12?");
  });

  it("names a secret that no step uses, and continues", async () => {
    const file = path.resolve("package.json");
    const { code, stderr } = await obuilder([...build, "--secret", `tokn:${file}`], {
      services: fakeServices(),
      stdin: spec,
    });
    expect(code).toBe(0);
    expect(stderr).toBe('obuilder: [WARNING] No step of the spec uses the secret "tokn".\n');
  });

  it("refuses an invalid spec with 3 and its position", async () => {
    const result = await obuilder(build, { services: fakeServices(), stdin: "((from debian-12)\n (rum x))" });
    expect(result.code).toBe(3);
    expect(result.stderr).toMatch(/^<stdin>:2:/);
  });
});
