import { checkOptions } from "@ob/core";

/** Checks `SandboxOptions` from JavaScript. @throws TypeError */
export function checkSandboxOptions(caller: string, options: unknown): void {
  checkOptions(caller, options, {
    memoryMib: "number",
    cpus: "number",
    bootTimeSeconds: "number",
    accelerator: "string",
    stateDirectory: "string",
    guestOs: "string?",
    guestArch: "string?",
    profiles: "object?",
    hardware: "object?",
    network: "string?",
    allowHostLoopback: "boolean?",
    confinement: "string?",
    diskDirectories: "array?",
    sshKey: "string?",
    snapshotCacheSize: "number?",
    vmReuse: "string?",
    warmVms: "object?",
    emit: "function?",
  });
}
