export { formatSource } from "./format/format-source.ts";
