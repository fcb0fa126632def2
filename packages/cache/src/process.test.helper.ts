import { once } from "node:events";
import { openCaches } from "./cache-store.ts";

/* The second process of a test: acquires the cache, prints its disk, and releases it when it gets a line. */
const [directory = "", name = "", sharing = "shared"] = process.argv.slice(2);
const caches = await openCaches({ directory });
const lease = await caches.acquire({
  name,
  fileSystem: "ext4",
  sharing: sharing === "locked" ? "locked" : "shared",
});
process.stdout.write(`${lease.disk}\n`);
await once(process.stdin, "data");
process.stdout.write(`${await lease.release()}\n`);
process.exit(0);
