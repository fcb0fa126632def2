import { type StoreLayout, within } from "@ob/core";
import { waitForLock, withLock } from "@ob/qcow2";
import { StoreDatabase } from "./database.ts";

/** Opens the database of a store, and creates it if it does not exist. */
export async function openDatabase(layout: StoreLayout): Promise<StoreDatabase> {
  // SQLite does not wait if two processes create a database at the same time.
  const opening = await waitForLock(within(layout.locks, "open"), "exclusive");
  return await withLock(opening, async () => new StoreDatabase(layout.database));
}
