import { type Emit, quotedName } from "@ob/core";
import type { Xattrs } from "./reader/xattr-records.ts";

/** How many different attributes a warning names. */
const maxShown = 5;

/** Extended attributes that a copy does not keep, for one warning at its end. */
export class LeftOut {
  readonly #found = new Map<string, { readonly first: string; files: number }>();

  /** Returns the attributes that are kept. */
  filter(xattrs: Xattrs, { path, keeps }: { path: string; keeps: (name: string) => boolean }): Xattrs {
    const kept = new Map<string, Uint8Array>();
    for (const [name, value] of xattrs) {
      if (keeps(name)) kept.set(name, value);
      else this.#add(name, path);
    }
    return kept;
  }

  #add(name: string, path: string): void {
    const key = this.#found.size < maxShown || this.#found.has(name) ? name : "others";
    const found = this.#found.get(key);
    if (found) found.files++;
    else this.#found.set(key, { first: path, files: 1 });
  }

  warn(emit: Emit): void {
    if (this.#found.size === 0) return;
    const parts = [...this.#found].map(([name, { first, files }]) => {
      const more = files > 1 ? ` and ${files - 1} more` : "";
      return `${quotedName(name).slice(1, -1)} of ${quotedName(first)}${more}`;
    });
    const text = `Extended attributes were left out: ${parts.join("; ")}.`;
    emit({ type: "log", level: "warning", text });
  }
}
