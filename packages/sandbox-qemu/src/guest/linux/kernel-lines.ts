/**
 * True for a line of /proc/net/ipv6_route that a command has made: a route that rejects, or one through a gateway that no
 * router has advertised. The kernel makes all others by itself, and not at once.
 */
export function isIpv6RouteOfCommand(words: readonly string[]): boolean {
  const flags = Number.parseInt(words[8] ?? "", 16);
  const [gateway, rejects, advertised] = [0x2, 0x2_00, 0x4_00_00];
  return (flags & (gateway | rejects)) !== 0 && (flags & advertised) === 0;
}

/**
 * The starts of lines of /proc/net/if_inet6 with the link-local address that the kernel gives each network card once its link is ready:
 * the interface identifier of RFC 4291, appendix A.
 *
 * @param facts with the lines of `/sys/class/net/NAME/address`.
 */
export function ownAddresses(facts: readonly string[]): readonly string[] {
  return facts.flatMap((fact) => {
    const bytes = /^\/sys\/class\/net\/[^/]+\/address:((?:[0-9a-f]{2}:){5}[0-9a-f]{2})$/
      .exec(fact)?.[1]
      ?.split(":");
    if (!bytes) return [];
    const [first = "", ...rest] = bytes;
    const universal = (Number.parseInt(first, 16) ^ 2).toString(16).padStart(2, "0");
    const identifier = [universal, ...rest.slice(0, 2), "ff", "fe", ...rest.slice(2)].join("");
    return [`/proc/net/if_inet6:fe80000000000000${identifier} `];
  });
}

/**
 * True for a line of /proc/keys about a keyring that systemd has given to a service, or about the key in it. They come and
 * go with services, and some time after them.
 */
export function isKeyOfService(words: readonly string[]): boolean {
  const [, , , , permissions, user, , type = "", name = ""] = words;
  if (user !== "0") return false;
  if (type === "user") return name === "invocation_id:" && permissions === "0b0b0000";
  return type === "keyring" && name === "_ses:";
}

/** True for a line of `/proc/PID/stat` about a process in which udev handles an event; it ends by itself. */
export function isUdevWorker(words: readonly string[]): boolean {
  return words[1] === "((udev-worker))";
}

/**
 * Of a line of `/proc/PID/stat` the name with priority, nice value, real-time priority, policy and whether it is stopped; of
 * other lines all. The ids of processes are left out: they differ between VMs resumed from one snapshot.
 */
export function processAttributes(words: readonly string[]): readonly string[] {
  const [, name, state, rest] = /^\d+ (\(.*\)) ([A-Za-z]) (.*)$/.exec(words.join(" ")) ?? [];
  if (name === undefined || rest === undefined) return words;
  const fields = rest.split(" ");
  const stopped = state === "T" || state === "t" ? ["stopped"] : [];
  return [name, ...[14, 15, 36, 37].map((index) => fields[index] ?? ""), ...stopped];
}

const processFile =
  /^\/proc\/(\d+)\/(?:cgroup|coredump_filter|limits|oom_score_adj|stat|status|timerslack_ns)$/;

/** The id of the process, for the path of a file that is read of each process of the boot. */
export function processOfFile(path: string): string | undefined {
  return processFile.exec(path)?.[1];
}

/** Of the status only the processors, of the limits no heading: the rest changes by itself. */
export function isAttributeLine(line: string): boolean {
  return /^(?:Max|[-0-9]|Cpus_allowed:)/.test(line);
}
