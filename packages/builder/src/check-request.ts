import { checkOptions } from "@ob/core";

/** Checks the kinds of a request from JavaScript. @throws TypeError */
export function checkRequest(caller: string, request: unknown): void {
  checkOptions(caller, request, {
    spec: "object",
    source: "object?",
    sourceDirectory: "string",
    buildArgs: "map?",
    target: "string?",
    secrets: "map?",
  });
  const spec: unknown = Reflect.get(Object(request), "spec");
  checkOptions(`${caller}: spec`, spec, { builds: "array", from: "string", ops: "array" });
}
