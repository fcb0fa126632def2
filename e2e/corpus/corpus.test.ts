import { readdir } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { build } from "../support/obuilder.ts";
import { imageName, type TestStore, temporaryStore } from "../support/store.ts";
import { machine, openCase } from "./corpus-case.ts";

const cases = path.join(import.meta.dirname, "cases");
const names = await readdir(cases);

let store: TestStore;
beforeAll(async () => {
  store = await temporaryStore();
  // It leaves the layer and the VM snapshot that all cases begin with.
  const first = await build(store, `((from ${imageName}) (run (shell true)))`, { flags: machine });
  if (first.exitCode !== 0) throw new Error(`The first build failed:\n${first.all}`);
});
afterAll(() => store[Symbol.asyncDispose]());

describe.concurrent("specs of the shapes that projects use", () => {
  it.for(names)("%s", async (name, { expect }) => {
    const { file, exitCode = 0, stderr, ...each } = await openCase(path.join(cases, name), store);
    for (const command of ["fmt", "dockerfile"] as const) {
      const expected = file(command);
      if (expected !== undefined) await expect(await each.print(command)).toMatchFileSnapshot(expected);
    }
    const planned = await each.plan();
    const expectedPlan = file("plan");
    if (expectedPlan !== undefined) await expect(await each.printPlan()).toMatchFileSnapshot(expectedPlan);

    const first = await each.build();
    expect(first.exitCode, first.stderr).toBe(exitCode);
    const transcript = path.join(cases, name, "transcript");
    await expect(first.transcript).toMatchFileSnapshot(transcript);
    if (stderr === undefined) expect(first.stderr).toBe("");
    let rest = first.stderr;
    for (const text of stderr ?? []) {
      expect(rest).toContain(text);
      rest = rest.slice(rest.indexOf(text) + text.length);
    }
    if (exitCode !== 0) return;
    expect(first.id).toBe(planned);

    // Now all comes from the store: without a PATH no machine can be started.
    const again = await each.build({ PATH: "/nonexistent" });
    expect(again.exitCode, again.stderr).toBe(0);
    expect(again.transcript).toBe(first.transcript);
    expect(again.id).toBe(first.id);
  });
});
