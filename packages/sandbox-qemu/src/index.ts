export { installCpuArgs } from "./accelerator/cpu-args.ts";
export type { AcceleratorChoice } from "./accelerator/choose-accelerator.ts";
export { bootForSmokeTest } from "./access/smoke-test-guest.ts";
export type { Accelerator } from "./machine/machine.ts";
export type { Hardware } from "./machine/qemu-argv.ts";
export type { SandboxOptions } from "./options.ts";
export { createSandbox } from "./sandbox.ts";
export { pruneSnapshots } from "./snapshot/snapshot-store.ts";
