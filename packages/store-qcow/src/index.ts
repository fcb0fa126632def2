export { openStore, QcowStore, type StoreOptions } from "./store.ts";
