import { once } from "node:events";
import { openCaches } from "./cache-store.ts";

/* The second process of a test: takes the cache, says so, and keeps it until it is told to give it back or is killed. */
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
