export { exitCodes } from "./exit-codes.ts";
export type { ProcessIo as Host } from "./process-io.ts";
export { main, type MainOptions, start } from "./main.ts";
