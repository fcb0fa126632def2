import { expect, it } from "vitest";
import { linuxAccess } from "./access.ts";
import { tuneKernel } from "./tune-kernel.ts";

const tune = tuneKernel(linuxAccess("opam"));

it("expedites RCU with every accelerator, and disables ASLR under emulation only", () => {
  expect(tune("kvm").args).toEqual(["rcupdate.rcu_expedited=1"]);
  expect(tune("tcg").args).toEqual(["norandmaps", "rcupdate.rcu_expedited=1"]);
});

it("does the same in a guest that boots from its disk, where it may not be possible", () => {
  expect(tune("kvm").command.script).toBe("set -- \n{ echo 1 >/sys/kernel/rcu_expedited; } 2>/dev/null || :");
  expect(tune("tcg").command.script).toMatch(
    /^set -- \n\{ echo 0 >\/proc\/sys\/kernel\/randomize_va_space; \} 2>\/dev\/null \|\| :\n.*rcu_expedited/,
  );
});
