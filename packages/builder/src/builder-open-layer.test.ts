import { PassThrough } from "node:stream";
import type { ExecRequest } from "@ob/core";
import { expect, test } from "vitest";
import { bench, request } from "./builds.test.helper.ts";
import type { StepFailure } from "./steps/step-deps.ts";

const terminal = {
  input: new PassThrough(),
  output: new PassThrough(),
  errors: new PassThrough(),
  tty: undefined,
};

test("an ephemeral guest pins its layer, has its base image, and releases both", async () => {
  const talks: ExecRequest[] = [];
  await using setting = bench({ ephemeralGuest: { execInteractive: (talk) => talks.push(talk) + 6 } });
  const { builder, store, sandbox } = setting;
  const id = await builder.build(request("((from base) (run (shell one)) (run (shell two)))"));
  {
    await using guest = await builder.openLayer(id, { network: "host" });
    expect(await guest.execInteractive({ command: ["ls"], stdio: terminal })).toBe(7);
    expect(sandbox.ephemeralGuests).toMatchObject([
      { layer: id, network: "host", image: { manifest: undefined } },
    ]);
    await expect(store.delete(id)).rejects.toMatchObject({ code: "LAYER_BUSY" });
  }
  expect([store.openScratchDisks, sandbox.openGuests]).toEqual([0, 0]);
  await store.delete(id);
  await expect(builder.openLayer(id)).rejects.toMatchObject({ code: "NO_SUCH_LAYER" });
});

test("a failed step is reported while its guest runs, and fails as it would have", async () => {
  const failures: StepFailure[] = [];
  await using setting = bench({ run: () => 3, ephemeralGuest: { execInteractive: () => 0 } });
  const onFailure = async (failure: StepFailure) => {
    failures.push(failure);
    expect(setting.sandbox.running).toBe(1);
    expect(await failure.guest.execInteractive({ command: [], stdio: terminal })).toBe(0);
  };
  const building = setting.builder.build(request("((from base) (run (shell no)))"), { onFailure });
  await expect(building).rejects.toMatchObject({ code: "STEP_FAILED", exitCode: 3 });
  expect(failures).toMatchObject([{ step: { op: "run" }, error: { exitCode: 3 } }]);
});
