import { lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { registryError } from "../errors.ts";

/**
 * Addresses at which not a server of the network answers, but this machine, or what is on its own link: loopback, the unspecified
 * address, which connects to the loopback, and link-local ones, where clouds keep credentials of a machine.
 */
function nearAddresses(): BlockList {
  const near = new BlockList();
  near.addSubnet("127.0.0.0", 8, "ipv4");
  near.addSubnet("0.0.0.0", 8, "ipv4");
  near.addSubnet("169.254.0.0", 16, "ipv4");
  near.addAddress("::", "ipv6");
  near.addAddress("::1", "ipv6");
  near.addSubnet("fe80::", 10, "ipv6");
  return near;
}

const near = nearAddresses();

function isNearAddress(address: string): boolean {
  const version = isIP(address);
  return version !== 0 && near.check(address, version === 6 ? "ipv6" : "ipv4");
}

/** True for a host of a URL that is this machine, or an address on its link, by what it is called. */
export function isNearHost(hostname: string): boolean {
  const name = hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
  return name === "localhost" || name.endsWith(".localhost") || isNearAddress(name);
}

/**
 * Looks up the addresses of hosts that a registry names. A name of one far away must not lead to this machine, unless the registry
 * is there, too.
 *
 * @param registry the host of the registry.
 * @param resolve looks a name up, as `dns.lookup` does.
 */
export function distantLookup(registry: string, resolve: LookupFunction = lookup): LookupFunction {
  return (name, options, done) => {
    resolve(name, options, (error, found, family) => {
      if (error || !leadsNear(found)) return done(error, found, family);
      resolve(registry, { all: true }, (_, own) => {
        if (leadsNear(own)) return done(null, found, family);
        done(
          registryError(
            `${registry} sends its clients to ${name}, which is not followed: its address is on this machine.`,
          ),
          [],
        );
      });
    });
  };
}

function leadsNear(found: Parameters<Parameters<LookupFunction>[2]>[1] | undefined): boolean {
  const addresses = typeof found === "string" ? [found] : (found ?? []).map(({ address }) => address);
  return addresses.some(isNearAddress);
}
