import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Statements } from "./statements.ts";

let database: DatabaseSync;
let statements: Statements;
beforeEach(() => {
  database = new DatabaseSync(":memory:");
  statements = new Statements(database);
});
afterEach(() => database.close());

it("a statement is prepared once", () => {
  const one = statements.query("SELECT 1 AS found");
  expect(one.get()).toEqual({ found: 1 });
  expect(statements.query("SELECT 1 AS found")).toBe(one);
  expect(statements.query("SELECT 2 AS found").get()).toEqual({ found: 2 });
});

it("a transaction fails with its own error where SQLite has rolled it back by itself", () => {
  const full = new Error("the disk is full");
  const work = (): never => {
    database.exec("ROLLBACK");
    throw full;
  };
  expect(() => statements.transaction(work)).toThrow(full);
});
