import { createHash } from "node:crypto";

/** Files under /proc/sys whose contents change without a step's doing, or are none. */
const volatile = new RegExp(
  `^(?:${[
    "fs/(?:aio-nr|dentry-state|file-nr|inode-nr|inode-state)",
    "fs/quota/(?:allocated_dquots|cache_hits|drops|free_dquots|lookups|reads|syncs|writes)",
    "kernel/(?:ns_last_pid|pty/nr|random/.*|sched_domain/.*)",
    "net/ipv6/(?:conf|neigh)/(?!(?:all|default|lo)/)[^/]*/(?:base_reachable_time.*|hop_limit|mtu|retrans_time.*)",
    "net/netfilter/nf_conntrack_count",
    // Has no contents. To read it makes the kernel run a task on each processor, and wait for it: 20 ms under emulation.
    "vm/stat_refresh",
  ].join("|")})$`,
);

/** @param name the path of a setting, relative to /proc/sys. */
export function isVolatileSetting(name: string): boolean {
  return volatile.test(name);
}

/** The MD5 digest of lines `NAME:VALUE`, as the guest's `grep -H | md5sum` computes it. */
export function settingsDigest(lines: readonly string[]): string {
  return createHash("md5")
    .update(lines.map((line) => `${line}\n`).join(""))
    .digest("hex");
}
