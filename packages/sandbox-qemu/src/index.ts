export type { AcceleratorChoice } from "./accelerator/choose-accelerator.ts";
export type { Hardware } from "./machine/qemu-argv.ts";
export type { Accelerator } from "./machine/machine.ts";
export type { SandboxOptions } from "./options.ts";
export { installCpuArgs as chooseProcessor } from "./accelerator/cpu-args.ts";
export { createSandbox } from "./sandbox.ts";
export { pruneSnapshots as sweepTemplates } from "./snapshot/snapshot-store.ts";
export { bootForSmokeTest as startTrial } from "./access/smoke-test-guest.ts";
