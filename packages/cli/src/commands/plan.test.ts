import { describe, expect, it } from "vitest";
import { obuilder, fakeServices } from "../testing/run.ts";
import { build } from "./build.ts";
import { plan } from "./plan.ts";

const spec = `((build tools ((from debian-12) (run (shell "make tools"))))
 (from debian-12)
 (workdir /src)
 (run (shell "make all")))`;
const common = ["--store=qemu:/nowhere", "-f", "-", "."];

describe("plan", () => {
  it("accepts every option of build", () => {
    expect(Object.keys(plan.options)).toEqual(expect.arrayContaining(Object.keys(build.options)));
  });

  it("shows each step with its id, its base, and whether it is in the store", async () => {
    const services = fakeServices();
    const nested = '((from debian-12) (run (shell "make tools")))';
    await obuilder(["build", ...common], { services, stdin: nested });
    const result = await obuilder(["plan", ...common], { services, stdin: spec });
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(result.stdout.replaceAll(/([0-9a-f]{8})[0-9a-f]{56}/g, "$1…")).toMatchInlineSnapshot(`
      "tools › (from debian-12)
          id    cae66afe…  in the store
      tools › /: (run (shell "make tools"))
          id    ffb47a73…  in the store
          base  cae66afe…
      (from debian-12)
          id    cae66afe…  in the store
      /src: (run (shell "make all"))
          id    569ab682…  to be built
          base  cae66afe…
      3 layers: 2 in the store, 1 to be built.
      "
    `);
    expect(services.sandbox.commands).toEqual(["make tools"]);
  });

  it("prints with --json exactly the fields of the interface, nested builds first", async () => {
    const result = await obuilder(["plan", "--json", ...common], { services: fakeServices(), stdin: spec });
    expect(result).toMatchObject({ code: 0, stderr: "" });
    const lines = result.stdout.trimEnd().split("\n");
    for (const line of lines) {
      expect(Object.keys(JSON.parse(line))).toEqual(["op", "id", "base", "cached", "heading"]);
    }
    const steps = lines.map((line): Record<string, unknown> => JSON.parse(line));
    expect(steps.map(({ heading }) => heading)).toEqual([
      "(from debian-12)",
      '/: (run (shell "make tools"))',
      "(from debian-12)",
      '/src: (run (shell "make all"))',
    ]);
    expect(steps[0]).toMatchObject({ op: "from", base: null, cached: false });
    expect(steps[1]).toMatchObject({ op: "run", base: steps[0]?.["id"], cached: false });
  });

  it("says where a base image is missing, on standard error with --json", async () => {
    const missing = "((from debain-12))";
    const said = "The base image debain-12 is missing: a build needs /nowhere/base-image/debain-12.qcow2.\n";
    const human = await obuilder(["plan", ...common], { services: fakeServices(), stdin: missing });
    expect(human).toMatchObject({ code: 0, stdout: expect.stringMatching(`${said}$`), stderr: "" });
    const json = await obuilder(["plan", "--json", ...common], { services: fakeServices(), stdin: missing });
    expect(json).toMatchObject({ code: 0, stderr: said });
  });

  it("accepts the arguments of a build", async () => {
    const flags = ["--qemu-memory", "16", "--qemu-cpus=8", "--progress=plain", "--fast-sync", "-q"];
    const result = await obuilder(["plan", ...flags, ...common], { services: fakeServices(), stdin: spec });
    expect(result.code).toBe(0);
  });
});
