// npm run verify: uses the command as its users do, installed from its tarball outside of the repository, builds on a
// cluster of this host's loopback, runs the tests that take minutes, tests with a second registry and with the newest QEMU, tries the
// quickstart on a new machine, builds the container of deploy/, looks at a report and at the web site in Chromium, and makes the API
// reference.
import { join } from "node:path";
import {
  bin,
  call,
  environment,
  main,
  mustCall,
  node,
  repository,
  slowTestImages,
  Stop,
} from "./environment.mjs";
import { quickstartOnNewMachine, testWithNewestQemu } from "./newest-qemu.mjs";
import { testSecondRegistry } from "./second-registry.mjs";
import { makeImage, setup } from "./setup.mjs";

await main(() => {
  setup({ forTests: true });
  const status = call(node, [join(repository, "packaging", "src", "verify.ts")]);
  if (status !== 0) return status;
  mustCall("npm", ["run", "quickstart:cluster"], { cwd: repository, what: "The quickstart of a cluster" });
  testSlowly();
  testSecondRegistry();
  for (const part of [testWithNewestQemu, quickstartOnNewMachine]) {
    const partStatus = part();
    if (partStatus !== 0) return partStatus;
  }
  mustCall(node, [join(repository, "packaging", "src", "verify-container.ts")], { what: "The container" });
  mustCall(node, [join(repository, "packaging", "src", "verify-report.ts")], {
    what: "The report in a browser",
  });
  mustCall(join(bin, "oxfmt"), [join("docs", "verification.md")]);
  mustCall("npm", ["run", "docs"], { cwd: repository, what: "Making the API reference" });
  mustCall("npm", ["run", "site"], { cwd: repository, what: "Making the site" });
  mustCall(node, [join(repository, "site", "src", "verify-site.ts")], { what: "The site in a browser" });
  return 0;
});

/** The tests of e2e/ that `npm test` leaves out, with the images that only they need. */
function testSlowly() {
  for (const image of slowTestImages) {
    const status = makeImage(image);
    if (status !== 0) throw new Stop(`Making ${image} failed.`, status);
  }
  const env = { ...environment(), OB_E2E_SLOW: "1", OB_E2E_SYSTEMD: slowTestImages.join(" ") };
  const slow = [
    "architectures.test.ts",
    "recipes/cloud-init.test.ts",
    "guests/reuse-on-request.test.ts",
    "sandbox/resume-refused.test.ts",
    "systemd",
    "vm-reuse-caches.test.ts",
  ];
  const args = ["run", ...slow];
  mustCall(join(bin, "vitest"), args, { cwd: join(repository, "e2e"), env, what: "The slow tests" });
}
