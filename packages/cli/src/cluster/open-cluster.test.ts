import { clusterStatus } from "@ob/cluster";
import { FakeRegistry } from "@ob/registry/testing";
import { expect, test } from "vitest";
import { fakeServices, obuilder } from "../testing/run.ts";
import { startRedis } from "../watch/watched-worker.test.helper.ts";
import { clusterServices } from "./cluster-services.ts";

test("submit refuses a base image that only a store has, and says what to do", async () => {
  await using redis = await startRedis();
  await using registry = await FakeRegistry.start();
  const services = { ...fakeServices(), cluster: async () => clusterServices };
  const to = ["--queue", redis.url, "--registry", `${registry.host}/ob`];
  const submit = async (spec: string) =>
    await obuilder(["submit", "--detach", ...to, "-f", "-", "."], { stdin: spec, services });
  const tagged = await submit('((build a ((from obuilder:tools))) (from debian-12) (run (shell "x")))');
  expect(tagged).toMatchObject({ code: 4, stdout: "" });
  const refused = await submit('((from obuilder:tools) (run (shell "x")))');
  expect(refused).toMatchObject({ code: 4, stdout: "" });
  expect(refused.stderr).toContain('"obuilder:tools" is a tag of one store, which the workers of a cluster');
  expect(refused.stderr).toContain("Hint: Start from a base image; ");
  expect(await submit("((from debian-12))")).toMatchObject({
    code: 4,
    stderr: expect.stringContaining("obuilder image push debian-12 "),
  });
  expect(await clusterStatus(redis.connection)).toMatchObject({ builds: 0 });
});
