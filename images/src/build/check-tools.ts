import { checkOptions } from "@ob/core";

/** Checks `ImageTools` from JavaScript. @throws TypeError */
export function checkImageTools(caller: string, tools: unknown): void {
  checkOptions(caller, tools, {
    store: "string",
    startSmokeTest: "function",
    resolveCpuArgs: "function",
    onEvent: "function?",
    sudoPrefix: "array?",
  });
}
