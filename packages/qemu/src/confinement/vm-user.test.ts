import { expect, it } from "vitest";
import { isMapped, newVmUser } from "./vm-user.ts";

const range = { first: 1_000, count: 100 };

it("the ids of VMs are used only where the user namespace has all of them", () => {
  expect(isMapped("         0          0 4294967295\n", range)).toBe(true);
  expect(isMapped("0 100000 1099\n", range)).toBe(false);
  expect(isMapped("0 0 1\n1000 5000 100\n", range)).toBe(true);
  expect(isMapped("", range)).toBe(false);
});

it("each VM has a user of its own, which is not the group of those that read what VMs share", () => {
  const users = Array.from({ length: 50 }, () => newVmUser({ first: 1_000, count: 2 ** 27 }));
  expect(new Set(users.map(({ id }) => id)).size).toBe(50);
  for (const { id, readers } of users) {
    expect(readers).toBe(1_000);
    expect(id).toBeGreaterThan(readers);
    expect(id).toBeLessThan(1_000 + 2 ** 27);
  }
});
