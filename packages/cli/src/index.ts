export { exitCodes } from "./exit-codes.ts";
export type { ProcessIo } from "./process-io.ts";
export { main, type MainOptions, start } from "./main.ts";
