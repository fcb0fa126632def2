import { describe, expect, it } from "vitest";
import { pciAddress, maxDisks } from "./pci-slots.ts";

const places = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => pciAddress(index, count));

describe("the disks of a VM", () => {
  it("are placed by QEMU while each can have a slot of its own", () => {
    expect(places(16).join("")).toBe("");
  });

  it("share slots if there are many, in the order in which a guest enumerates them", () => {
    const many = places(41);
    expect(many[0]).toBe("");
    expect(many[1]).toBe(",addr=0x8.0x0,multifunction=on");
    expect(many[40]).toBe(",addr=0xc.0x7,multifunction=on");
  });

  it("each have an address of their own, up to the last", () => {
    const most = places(maxDisks);
    expect(new Set(most).size).toBe(maxDisks);
    expect(most.at(-1)).toBe(",addr=0x1f.0x7,multifunction=on");
  });
});
