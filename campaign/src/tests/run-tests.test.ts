import path from "node:path";
import { expect, test } from "vitest";
import { readReport } from "./run-tests.ts";

const repository = path.resolve(import.meta.dirname, "../../..");
const at = (file: string) => path.join(repository, file);

test("a report's tests are named by file and name, skipped ones are left out, and a file that fails by itself is a failed test", () => {
  const testResults = [
    {
      name: at("e2e/build.test.ts"),
      status: "failed",
      assertionResults: [
        { fullName: "builds", status: "passed" },
        { fullName: "fails", status: "failed", failureMessages: ["Error: no\n    at"] },
        { fullName: "is left out", status: "skipped" },
      ],
    },
    { name: at("e2e/broken.test.ts"), status: "failed", message: "no such module", assertionResults: [] },
  ];
  expect(readReport(JSON.stringify({ testResults }))).toEqual([
    { name: "e2e/build.test.ts: builds", outcome: "passed", error: "" },
    { name: "e2e/build.test.ts: fails", outcome: "failed", error: "Error: no" },
    { name: "e2e/broken.test.ts", outcome: "failed", error: "no such module" },
  ]);
});
