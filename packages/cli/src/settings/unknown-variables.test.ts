import { expect, it } from "vitest";
import { fakeServices, obuilder } from "../testing/run.ts";

const ask = async (env: Readonly<Record<string, string>>, ...argv: readonly string[]) =>
  await obuilder(["ls", "--store=qemu:/store", ...argv], { env, services: fakeServices() });

it("warns of a variable that sets no option of any command, with the nearest name and without its value", async () => {
  const { code, stderr } = await ask({ OBUILDER_QEMU_MEMROY: "geheim", OBUILDER_ZZZZZZZZ: "x" });
  expect(code).toBe(0);
  expect(stderr).toBe(
    "obuilder: [WARNING] The variable OBUILDER_QEMU_MEMROY sets no option. Did you mean OBUILDER_QEMU_MEMORY?\n" +
      "obuilder: [WARNING] The variable OBUILDER_ZZZZZZZZ sets no option.\n",
  );
});

it("says nothing of options of other commands, of variables that are read elsewhere, and when it is told to be quiet", async () => {
  const env = { OBUILDER_QEMU_MEMORY: "4", OBUILDER_QUEUE: "redis://x", OBUILDER_QUEUE_PASSWORD: "x" };
  expect(
    (await ask({ ...env, OBUILDER_NO_CONFIG: "1", OBUILDER_STORE: "qemu:/x", OBUILDERS: "1" })).stderr,
  ).toBe("");
  expect((await ask({ OBUILDER_ZZZZZZZZ: "x" }, "--quiet")).stderr).toBe("");
});
