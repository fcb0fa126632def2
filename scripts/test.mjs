// npm test [-- FOLDER...]: sets the machine up, checks the sources, and runs every test, those in virtual machines too.
// With folders, such as packages/spec, only theirs.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bin, call, main, repository } from "./environment.mjs";
import { setup } from "./setup.mjs";
import { describeRun, readRun, sum } from "./test-summary.mjs";

await main(() => {
  const folders = packages();
  setup({ forTests: folders.includes("e2e") });
  const { packageManager } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
  console.log("\nChecking format, types, lint, layers, guest scripts, spelling and links");
  const checked = call("npx", ["--yes", packageManager, "run", "check"]) === 0;

  const reports = mkdtempSync(join(tmpdir(), "obuilder-tests-"));
  const runs = [];
  try {
    for (const name of folders) {
      console.log(`\n${name}`);
      const report = join(reports, `${runs.length}.json`);
      const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
      const status = call(join(bin, "vitest"), ["run", ...reporters], { cwd: join(repository, name) });
      if (status > 128) return status;
      runs.push(readRun(name, { status, report }));
    }
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }

  console.log("\nSummary");
  for (const run of runs) console.log(describeRun(run));
  const { passed, failed, skipped } = sum(runs);
  if (!checked)
    console.log(
      "The checks of format, types, lint, layers, guest scripts, spelling and links failed; see above.",
    );
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return checked && failed === 0 ? 0 : 1;
});

/** The folders that hold tests, those of single packages first, whole builds last. */
function packages() {
  const folders = readdirSync(join(repository, "packages")).map((name) => `packages/${name}`);
  const wanted = process.argv.slice(2);
  const all =
    wanted.length > 0 ? wanted : [...folders, "images", "packaging", "site", "bench", "campaign", "e2e"];
  return all.filter((folder) => existsSync(join(repository, folder, "vitest.config.ts")));
}
