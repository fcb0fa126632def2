import { mkdir, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { SmokeTestGuest } from "@ob/core";
import { run } from "@ob/core";
import { expect, it } from "vitest";
import { temporaryDirectory } from "../../testing/directory.ts";
import { createInterrupts, fakeServices, obuilder } from "../../testing/run.ts";
import type { Services } from "../../services.ts";

/** A guest that boots and has all that an image needs; its store has no base image, so that no build can start. */
function bootingServices(onBoot: () => void = () => undefined): Services {
  const guest: SmokeTestGuest = {
    ...{ rootAccess: "sudo needs no password", checks: [], powerOff: async () => "acpi" },
    speed: async () => ({
      first: { kind: "resumed", points: ["ready"], reseededBy: "seed" },
      further: { kind: "started", why: "state", detail: "its init is /sbin/init" },
      possiblePoints: [],
    }),
    run: async () => ({ status: 0, stdout: "release=An OS \u001B[31m@you\n", stderr: "" }),
    [Symbol.asyncDispose]: async () => undefined,
  };
  const services = fakeServices();
  return {
    ...services,
    imageTools: async (options) => ({
      ...(await services.imageTools(options)),
      startSmokeTest: async () => {
        onBoot();
        return guest;
      },
    }),
  };
}

async function storeWithImage() {
  const directory = await temporaryDirectory();
  const images = path.join(directory.path, "base-image");
  await mkdir(images);
  await run(["qemu-img", "create", "-q", "-f", "qcow2", path.join(images, "mine.qcow2"), "8M"]);
  return {
    ...directory,
    at: (name: string) => path.join(directory.path, name),
    argv: ["image", "check", "mine", `--store=qemu:${directory.path}`],
  };
}

it("prints each case and what failed, writes the report, and exits with 4", async () => {
  await using store = await storeWithImage();
  const report = store.at("report.md");
  const result = await obuilder([...store.argv, "--deep", "--report", report], {
    services: bootingServices(),
  });
  expect(result.code).toBe(4);
  expect(result.stdout).toMatch(/^ {4}ok {2}boots and accepts the login of opam \(\d+\.\ds\)$/m);
  expect(result.stdout).toMatch(/^ {2}fail {2}files are copied from a nested build: There is no base image/m);
  expect(result.stdout).toMatch(/^ {2}skip {2}.*: Not run, because of the failure of: /m);
  expect(result.stdout).toMatch(/^mine: FAILED \(\d+ passed, 2 failed, 0 warnings, \d+ skipped; /m);
  const text = await readFile(report, "utf8");
  expect(text).toContain("# Life cycle of `mine`: FAILED");
  expect(text).toContain("| QEMU | `9.2.0` |");
  expect(text).toContain("| guest's release | `An OS @you` |");
  expect(text).not.toContain(store.path);
  expect(await readdir(store.at("state/image-checks"))).toEqual([]);
});

it("prints one object with --json, and the cases on standard error", async () => {
  await using store = await storeWithImage();
  const result = await obuilder([...store.argv, "--deep", "--json"], { services: bootingServices() });
  const report: unknown = JSON.parse(result.stdout);
  expect(report).toMatchObject({ version: 1, passed: false, host: { qemu: "9.2.0", accelerator: "kvm" } });
  expect(result.stderr).toContain("boots and accepts the login of opam");
});

it("says how quickly steps start on the image, as text and with --json as one object", async () => {
  await using store = await storeWithImage();
  const text = await obuilder(store.argv, { services: bootingServices() });
  expect(text.stdout).toContain(
    " speed  a first step resumes a snapshot of a VM, taken when it is ready; its random numbers are renewed by a seed\n" +
      " speed  a further step starts as a first one does: the state of its guest cannot be compared (its init is /sbin/init)\n",
  );
  const result = await obuilder([...store.argv, "--json"], { services: bootingServices() });
  expect(JSON.parse(result.stdout)).toEqual({
    image: "mine",
    passed: true,
    checks: [
      { what: "boots and accepts the login of opam", outcome: "passed" },
      { what: "sudo needs no password", outcome: "passed" },
      { what: "shuts down cleanly, by ACPI", outcome: "passed" },
    ],
    speed: {
      first: { kind: "resumed", points: ["ready"], reseededBy: "seed" },
      further: { kind: "started", why: "state", detail: "its init is /sbin/init" },
      more: [],
    },
  });
  expect(result.stderr).toContain("a first step resumes a snapshot");
});

it("leaves nothing when it is interrupted", async () => {
  await using store = await storeWithImage();
  const interrupts = createInterrupts();
  const services = bootingServices(() => interrupts.interrupt("SIGINT"));
  const result = await obuilder([...store.argv, "--deep", "--report", store.at("r.md")], {
    services,
    interrupts,
  });
  expect(result.code).toBe(130);
  expect(await readdir(store.at("state/image-checks"))).toEqual([]);
  expect(await readdir(store.path)).not.toContain("r.md");
});

it.each([
  [["--report", "x.md"], "takes --report only with --deep"],
  [["--deep", "--report", "/no/such/directory/x.md"], "cannot be written"],
])("refuses %j before anything is booted", async (flags, words) => {
  await using store = await storeWithImage();
  const result = await obuilder([...store.argv, ...flags], { services: fakeServices() });
  expect(result).toMatchObject({ code: 2, stdout: "" });
  expect(result.stderr).toContain(words);
});

it("does not overwrite a directory by a report", async () => {
  await using store = await storeWithImage();
  const result = await obuilder([...store.argv, "--deep", "--report", store.path], {
    services: fakeServices(),
  });
  expect(result.code).toBe(2);
});
