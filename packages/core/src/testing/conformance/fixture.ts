import type { Store } from "../../ports/store.ts";

/** A new store for one case; disposing of it closes the store and removes what was made. */
export interface StoreFixture extends AsyncDisposable {
  /** Empty but for the base image. */
  readonly store: Store;
  /** The name of a base image that is there. */
  readonly image: string;
}

/** One case of the store's suite. */
export type StoreCheck = (fixture: StoreFixture) => Promise<void>;
