// npm run verify: uses the command as its users do, installed from its tarball outside of the repository, builds on a
// cluster of this host's loopback, runs the tests that take minutes, tests with a second registry, builds the container of
// deploy/, looks at a report in Chromium, and makes the API reference.
import { join } from "node:path";
import { bin, call, environment, main, mustCall, node, repository } from "./environment.mjs";
import { testSecondRegistry } from "./second-registry.mjs";
import { setup } from "./setup.mjs";

await main(() => {
  setup({ forTests: true });
  const status = call(node, [join(repository, "packaging", "src", "verify.ts")]);
  if (status !== 0) return status;
  mustCall("npm", ["run", "quickstart:cluster"], { cwd: repository, what: "The quickstart of a cluster" });
  testSlowly();
  testSecondRegistry();
  mustCall(node, [join(repository, "packaging", "src", "verify-container.ts")], { what: "The container" });
  mustCall(node, [join(repository, "packaging", "src", "verify-report.ts")], {
    what: "The report in a browser",
  });
  mustCall(join(bin, "oxfmt"), [join("docs", "verification.md")]);
  mustCall("npm", ["run", "docs"], { cwd: repository, what: "Making the API reference" });
  return 0;
});

/** The tests of e2e/ that `npm test` leaves out. */
function testSlowly() {
  const env = { ...environment(), OB_E2E_SLOW: "1" };
  const args = ["run", "recipes/cloud-init.test.ts", "architectures.test.ts"];
  mustCall(join(bin, "vitest"), args, { cwd: join(repository, "e2e"), env, what: "The slow tests" });
}
