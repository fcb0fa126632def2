import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, it } from "vitest";
import { temporaryDirectory } from "../testing/directory.ts";
import { obuilder, fakeServices } from "../testing/run.ts";

const echo = { run: ({ output }: { output: (text: string) => void }) => output("healthcheck\n") };

it("boots the given image, and prints that it passed", async () => {
  const services = fakeServices(echo);
  const result = await obuilder(["healthcheck", "--store=qemu:/nowhere", "--image=debian-12"], { services });
  expect(result).toEqual({
    code: 0,
    stdout: "Healthcheck passed\n",
    stderr: "Checking the base image debian-12…\n",
  });
  expect(services.sandbox.commands).toEqual(["echo healthcheck"]);
});

it("takes the smallest image of the store by default", async () => {
  await using work = await temporaryDirectory();
  await mkdir(path.join(work.path, "base-image"));
  await writeFile(path.join(work.path, "base-image/big.qcow2"), "x".repeat(100));
  await writeFile(path.join(work.path, "base-image/debian-12.qcow2"), "x");
  await writeFile(path.join(work.path, "base-image/debian-12.json"), "");
  const argv = ["healthcheck", `--store=qemu:${work.path}`];
  const result = await obuilder(argv, { services: fakeServices(echo) });
  expect(result).toMatchObject({ code: 0, stderr: "Checking the base image debian-12…\n" });
});

it("takes an image in a directory of base-image by its whole name", async () => {
  await using work = await temporaryDirectory();
  await mkdir(path.join(work.path, "base-image/org"), { recursive: true });
  await writeFile(path.join(work.path, "base-image/debian-12.qcow2"), "xx");
  await writeFile(path.join(work.path, "base-image/org/img:12.qcow2"), "x");
  const argv = ["healthcheck", `--store=qemu:${work.path}`];
  const { stderr } = await obuilder(argv, { services: fakeServices(echo) });
  expect(stderr).toContain("Checking the base image org/img:12…\n");
});

it("says where an image is missing, and fails with the error of the guest", async () => {
  await using work = await temporaryDirectory();
  const none = await obuilder(["healthcheck", `--store=qemu:${work.path}`], { services: fakeServices() });
  expect(none).toMatchObject({ code: 4, stdout: "" });
  expect(none.stderr).toContain(`There is no base image in ${work.path}/base-image.\nHint: `);
  const silent = fakeServices({ run: () => {} });
  const failed = await obuilder(["healthcheck", "--store=qemu:/nowhere", "--image=debian-12"], {
    services: silent,
  });
  expect(failed).toMatchObject({ code: 4, stdout: "" });
});
