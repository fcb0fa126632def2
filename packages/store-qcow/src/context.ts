import type { Emit, StoreLayout } from "@ob/core";
import type { ConfineReader } from "@ob/qcow2";
import type { BackgroundWork } from "./background.ts";
import type { StoreDatabase } from "./db/database.ts";

/** What the functions of an open store share. */
export interface StoreContext {
  readonly layout: StoreLayout;
  readonly database: StoreDatabase;
  readonly emit: Emit;
  readonly background: BackgroundWork;
  /** The minimum virtual size of a new layer's disk, in bytes. */
  readonly diskSize: number | undefined;
  /** See `StoreOptions`. */
  readonly confine: ConfineReader | undefined;
}
