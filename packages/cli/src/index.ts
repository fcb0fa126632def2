export { exitCodes } from "./exit-codes.ts";
export type { Host } from "./host.ts";
export { main, type MainOptions, start } from "./main.ts";
