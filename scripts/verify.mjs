// npm run verify: uses the command as its users do, installed from its tarball outside of the repository, builds on a
// cluster of this host's loopback, runs the tests that take minutes, tests with a second registry and with the newest QEMU, tries the
// quickstart on a new machine, builds the container of deploy/, looks at a report and at the web site in Chromium, and makes the API
// reference. What came of each part is in docs/verification.md; a part that fails does not keep the others from being tried.
import { appendFileSync } from "node:fs";
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

const results = join(repository, "docs", "verification.md");
const script = (path) => () => call(node, [join(repository, path)]);
const npm = (name) => () => call("npm", ["run", name], { cwd: repository });

/** `run` returns an exit status, or nothing for success. */
const parts = [
  { what: "`npm run quickstart:cluster`", run: npm("quickstart:cluster") },
  { what: "The tests of `e2e/` that take minutes", run: testSlowly },
  { what: "A second registry", run: testSecondRegistry },
  { what: "The newest QEMU", run: testWithNewestQemu },
  { what: "`npm run quickstart` on a new machine", run: quickstartOnNewMachine },
  { what: "The container of `deploy/`", run: script("packaging/src/verify-container.ts") },
  { what: "A report in Chromium", run: script("packaging/src/verify-report.ts") },
  { what: "The API reference", run: npm("docs") },
  { what: "The web site", run: npm("site") },
  { what: "The web site in Chromium", run: script("site/src/verify-site.ts") },
];

await main(() => {
  setup({ forVerify: true });
  // It writes the file that the other parts add to.
  const status = script("packaging/src/verify.ts")();
  if (status !== 0) return status;
  const rows = [];
  for (const { what, run } of parts) {
    console.log(`\n${what}`);
    const start = performance.now();
    const result = statusOf(run);
    if (result > 128) return result;
    const seconds = Math.round((performance.now() - start) / 1000);
    rows.push(`| ${what} | ${result === 0 ? "success" : "**failed**"} | ${seconds} s |`);
  }
  appendFileSync(results, table(rows));
  mustCall(join(bin, "oxfmt"), [results]);
  console.log(`\n${rows.join("\n")}`);
  return rows.every((row) => row.includes("| success |")) ? 0 : 1;
});

function statusOf(run) {
  try {
    return run() ?? 0;
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    console.error(error.message);
    return error.exitCode;
  }
}

function table(rows) {
  return `
## The other parts

A part for which this host lacks something, such as root or Chromium, says so when it runs, and is counted as a success.

| part | result | time |
| ---- | ------ | ---- |
${rows.join("\n")}
`;
}

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
  return call(join(bin, "vitest"), ["run", ...slow], { cwd: join(repository, "e2e"), env });
}
