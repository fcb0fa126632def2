import { expect, it } from "vitest";
import { defaultJobs } from "./jobs.ts";

const gibibyte = 2 ** 30;

it.each([
  ["one where the host has no CPUs to spare", { cpus: 2, memory: 24 * gibibyte }, 1],
  ["as many as the CPUs allow", { cpus: 8, memory: 24 * gibibyte }, 4],
  ["as many as the memory allows", { cpus: 64, memory: 16 * gibibyte }, 6],
  ["never none", { cpus: 1, memory: gibibyte }, 1],
])("by default there are %s", (_what, host, jobs) => {
  expect(defaultJobs({ cpus: 2, memoryMib: 2048 }, host)).toBe(jobs);
});
