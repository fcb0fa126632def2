import { describe, expect, it } from "vitest";
import { idOf } from "../testing/terminal.ts";
import { parseFilters } from "./filters.ts";
import type { PruneItem } from "./prune-item.ts";
import { bytesOf, parseSpace } from "./space.ts";

const now = new Date(100 * 3_600_000);
const hours = (count: number): Date => new Date(count * 3_600_000);

const items: readonly PruneItem[] = [
  {
    ...{ type: "layer", id: idOf("a"), parent: undefined, tags: [], bytes: 1, inUse: false },
    ...{ description: "(from debian-12)", lastUsed: hours(99) },
  },
  {
    ...{ type: "layer", id: idOf("b"), parent: idOf("a"), tags: [], bytes: 1, inUse: true },
    ...{ description: '/: (run (shell "make, all"))', lastUsed: hours(90) },
  },
  { type: "cache", id: "aaaa", description: "aaaa", bytes: 1, inUse: false, lastUsed: hours(50) },
  { type: "snapshot", id: "abcd12", description: "abcd12", bytes: 1, inUse: false, lastUsed: hours(98) },
];

/** The places of the items that match, from 0. */
const matching = (...filters: readonly string[]): readonly number[] => {
  const matches = parseFilters(filters, now);
  return items.flatMap((item, index) => (matches(item) ? [index] : []));
};

describe("--filter", () => {
  it.each([
    [[], [0, 1, 2, 3]],
    [["type=layer"], [0, 1]],
    [["type==cache"], [2]],
    [["type!=snapshot"], [0, 1, 2]],
    [["type=regular"], [0, 1]],
    [["type=exec.cachemount"], [2]],
    [["type~=^(cache|snap)"], [2, 3]],
    [["id=aaaa"], [0, 2]],
    [["id=aaa"], []],
    [["id=ABCD"], [3]],
    [["id!=aaaa"], [1, 3]],
    [["id~=^b"], [1]],
    [[`parents=${idOf("a")}`], [1]],
    [["description~=shell"], [1]],
    [["description=aaaa"], [2]],
    [['"description~=make, all"'], [1]],
    [["inuse"], [1]],
    [["inuse=false"], [0, 2, 3]],
    [["inuse!=true"], [0, 2, 3]],
    [["mutable"], [2]],
    [["immutable"], [0, 1, 3]],
    [["until=9h"], [1, 2]],
    [["until=1h30m"], [1, 2, 3]],
    [["type=layer,inuse=false"], [0]],
    [["type!=cache", "until=9h"], [1]],
  ])("%j matches %j", (filters, found) => {
    expect(matching(...filters)).toEqual(found);
  });

  it.each([
    ["size=1", /"size=1" is not a selector/],
    ["typ=layer", /not a selector/],
    ["type", /type needs a value/],
    ["type=image", /no type "image"/],
    ["type=constructor", /no type "constructor"/],
    ["id~=(", /not a regular expression/],
    ["inuse=maybe", /true or false/],
    ["until", /until takes a span/],
    ["until!=2h", /until takes a span/],
    ["until=soon", /invalid duration/],
  ])("%s is refused", (filter, message) => {
    const refuse = (): unknown => parseFilters([filter], now);
    expect(refuse).toThrow(expect.objectContaining({ code: "USAGE" }));
    expect(refuse).toThrow(message);
  });
});

describe("a size of space", () => {
  const disk = { free: 0, total: 2_000 };

  it.each([
    ["0", 0],
    ["512MB", 512 * 2 ** 20],
    ["10GB", 10 * 2 ** 30],
    ["20GiB", 20 * 2 ** 30],
    ["1.5g", 1.5 * 2 ** 30],
    ["15%", 300],
    ["0.5%", 10],
    ["100%", 2_000],
  ])("%s is %d bytes", (text, bytes) => {
    expect(bytesOf(parseSpace(text, "--x"), disk)).toBe(bytes);
  });

  it.each(["10", "101%", "-1GB", "GB", "much", "", "%"])("%j is refused", (text) => {
    expect(() => parseSpace(text, "--max-used-space")).toThrow(/^--max-used-space: invalid size/);
  });
});
