export type { AcceleratorChoice } from "./accelerator.ts";
export type { Hardware } from "./command-line.ts";
export type { Accelerator } from "./machine/machine.ts";
export type { SandboxOptions } from "./options.ts";
export { chooseProcessor } from "./processor.ts";
export { createSandbox } from "./sandbox.ts";
export { sweepTemplates } from "./template/template-store.ts";
export { startTrial } from "./trial.ts";
