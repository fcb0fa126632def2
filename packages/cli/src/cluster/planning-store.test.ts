import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRegistry } from "@ob/registry";
import { FakeRegistry } from "@ob/registry/testing";
import { expect, it } from "vitest";
import { commandLineHint } from "../output/hints.ts";
import { PlanningStore } from "./planning-store.ts";

it("the base image of a cluster's build is for one architecture: its name says nothing more", async () => {
  const directory = await mkdtemp(join(tmpdir(), "planning-"));
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => await rm(directory, { recursive: true, force: true }));
  const fake = stack.use(await FakeRegistry.start());
  const registry = stack.use(openRegistry({ ref: `${fake.host}/ob` }));
  const disk = join(directory, "disk");
  const push = async (guestArch: string) => {
    await writeFile(disk, `of ${guestArch}`);
    const manifest = { version: 2, guestOs: "linux", guestArch, loginUser: "me" };
    await registry.pushImage({ tag: "base", disk, manifest: JSON.stringify(manifest) });
  };
  await push("riscv64");
  expect(await new PlanningStore(registry).manifestOf("base")).toMatchObject({ guestArch: "riscv64" });
  await push("amd64");
  const error = await new PlanningStore(registry).baseImage("base").catch((each: unknown) => each);
  expect(error).toMatchObject({
    code: "REGISTRY",
    message: expect.stringContaining("is for several architectures: linux/amd64, linux/riscv64"),
  });
  expect(commandLineHint(error as Parameters<typeof commandLineHint>[0])).toContain(
    "a tag is for one architecture there",
  );
});
