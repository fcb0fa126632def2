import { expect, test } from "vitest";
import { fakeServices, obuilder } from "../testing/run.ts";

const spec =
  '((build tools ((from debian-12) (run (shell tools)))) (from debian-12) (arg V) (run (shell "echo $V")))';
const common = ["--store=qemu:/nowhere", "-f", "-", "."];

test("--build-arg gives the value of an arg, from the environment too; the last one counts", async () => {
  const services = fakeServices();
  const ran = async (...flags: readonly string[]) =>
    await obuilder(["plan", ...flags, ...common], { services, stdin: spec, env: { V: "2" } });
  const [one, two] = [await ran("--build-arg", "V=1"), await ran("--build-arg=V")];
  expect([one.code, two.code]).toEqual([0, 0]);
  expect(one.stdout).not.toBe(two.stdout);
  expect((await ran("--build-arg", "V=1", "--build-arg", "V=2")).stdout).toBe(two.stdout);
  expect((await ran("--build-arg", "2=V")).stderr).toContain('--build-arg takes NAME=VALUE, not "2=V".');
});

test("an arg without a value names its line and the option; a variable that is not set gives none", async () => {
  const { code, stderr } = await obuilder(["build", "--build-arg", "V", ...common], {
    services: fakeServices(),
    stdin: spec,
  });
  expect(code).toBe(3);
  expect(stderr).toContain('<stdin>:1:72: The arg "V" has no value');
  expect(stderr).toContain("--build-arg V=VALUE gives it one.");
});

test("a value that no arg takes is a warning", async () => {
  const { code, stderr } = await obuilder(["build", "--build-arg", "V=1", "--build-arg", "W=1", ...common], {
    services: fakeServices(),
    stdin: spec,
  });
  expect(code).toBe(0);
  expect(stderr).toBe('obuilder: [WARNING] No (arg …) of the spec takes the value of "W". Did you mean V?\n');
});

test("--target builds one nested build, and args that it does not have are not asked for", async () => {
  const services = fakeServices();
  const built = await obuilder(["build", "--target", "tools", "--build-arg=V=1", ...common], {
    services,
    stdin: spec,
  });
  expect(built).toMatchObject({ code: 0, stderr: "" });
  expect(services.sandbox.commands).toEqual(["tools"]);
  const wrong = await obuilder(["build", "--target", "tool", "--build-arg=V=1", ...common], {
    services,
    stdin: spec,
  });
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("Did you mean tools?") });
});

test("--no-cache runs every step, --no-cache-filter those of the named builds; the target is one of them", async () => {
  const services = fakeServices();
  const ran = async (...flags: readonly string[]) =>
    await obuilder(["build", "--build-arg=V=1", ...flags, ...common], { services, stdin: spec });
  await ran();
  await ran("--no-cache");
  await ran("--no-cache-filter", "tools");
  await ran("--target=tools", "--no-cache-filter=tools");
  expect(services.sandbox.commands).toEqual(["tools", "echo $V", "tools", "echo $V", "tools", "tools"]);
  expect((await ran("--no-cache-filter", "tool")).stderr).toContain(
    'The spec has no build "tool" to run anew. Did you mean tools?',
  );
  expect(await ran("--no-cache", "--no-cache-filter=a")).toMatchObject({ code: 2 });
  expect(await ran("--no-cache-filter=")).toMatchObject({ code: 2 });
});
