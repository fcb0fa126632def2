import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { build } from "../support/obuilder.ts";
import { imageName, type TestStore, temporaryStore } from "../support/store.ts";

let store: TestStore;
beforeAll(async () => {
  store = await temporaryStore();
  await writeFile(path.join(store.work, "probe.pl"), probe);
});
afterAll(() => store[Symbol.asyncDispose]());

/** Addresses of this machine at which other machines can reach it. */
const outside = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .filter(({ internal, address }) => !internal && !address.startsWith("fe80:"))
  .map(({ address }) => address);

/** Listens on the host's loopback and its outward addresses, for TCP and UDP, and records what arrives where. */
async function listeners() {
  const stack = new AsyncDisposableStack();
  const arrived = new Set<string>();
  let port = 0;
  for (const address of ["127.0.0.1", "::1", ...outside]) {
    const server = createServer((socket) => {
      arrived.add(`tcp ${address}`);
      socket.on("error", () => undefined).end();
    }).listen(port, address);
    stack.defer(() => void server.close());
    await once(server, "listening");
    const bound = server.address();
    port = typeof bound === "object" && bound !== null ? bound.port : 0;
    const packets = createSocket(address.includes(":") ? "udp6" : "udp4", () =>
      arrived.add(`udp ${address}`),
    );
    stack.defer(() => void packets.close());
    packets.bind(port, address);
    await once(packets, "listening");
  }
  return { port, arrived, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/**
 * Tries addresses as any program would, and then with packets of its own, as root in a guest can: the start of a TCP connection and a
 * datagram for each address. Asks the name server, and prints the second word of its answer, which says how it went.
 */
const probe = String.raw`
use strict; use Socket qw(:all); use IO::Socket::IP;
my ($port, @addresses) = @ARGV;
open my $file, '<', '/sys/class/net/eth0/address' or die; my $mac = pack 'H*', <$file> =~ s/[:\n]//gr;
socket my $wire, 17, SOCK_RAW, 0x0003 or die "socket: $!";
open $file, '<', '/sys/class/net/eth0/ifindex' or die; my $index = <$file> + 0;
sub checksum { my ($bytes) = @_; $bytes .= "\0" if length($bytes) % 2; my $sum = 0;
  $sum += $_ for unpack 'n*', $bytes; $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16; ~$sum & 0xffff }
sub forge { my ($to, $protocol, $segment, $at) = @_;
  my $is4 = length($to) == 4;
  my $from = $is4 ? inet_aton('10.0.2.15') : inet_pton(AF_INET6, 'fe80::15');
  substr($segment, $at, 2) = pack 'n', checksum($from . $to . pack('NN', length $segment, $protocol) . $segment);
  my $header = $is4 ? pack('CCnnnCCn', 0x45, 0, 20 + length $segment, 7, 0, 64, $protocol, 0) . $from . $to
    : pack('NnCC', 0x60000000, length $segment, $protocol, 64) . $from . $to;
  substr($header, 10, 2) = pack 'n', checksum($header) if $is4;
  my $frame = "\xff" x 6 . $mac . pack('n', $is4 ? 0x0800 : 0x86dd) . $header . $segment;
  send $wire, $frame, 0, pack('SnlSCCa8', 17, $is4 ? 0x0800 : 0x86dd, $index, 0, 0, 6, "\xff" x 6) or print "send: $!\n" }
for my $address (@addresses) {
  IO::Socket::IP->new(PeerHost => $address, PeerPort => $port, Timeout => 2, Proto => 'tcp');
  my $udp = IO::Socket::IP->new(PeerHost => $address, PeerPort => $port, Proto => 'udp'); $udp->send('x') if $udp;
}
my $source = 20000;
for my $address (map { /:/ ? inet_pton(AF_INET6, $_) : inet_aton($_) } @addresses, '0.0.0.0', '127.1.2.3', '::', '::ffff:127.0.0.1') {
  forge($address, 6, pack('nnNNnnnn', $source++, $port, 1, 0, 0x5002, 64000, 0, 0), 16);
  forge($address, 17, pack('nnnn', $source++, $port, 9, 0) . 'x', 6);
}
my $dns = IO::Socket::IP->new(PeerHost => '10.0.2.3', PeerPort => 53, Proto => 'udp');
$dns->send(pack 'H*', '${query()}'); my ($seen, $answer) = ('', '');
vec($seen, fileno $dns, 1) = 1; $dns->recv($answer, 900) if select $seen, undef, undef, 10;
print 'names: ', unpack('H*', substr $answer, 2, 2), "\n";
`;

/** A query for the address of example.org, in hexadecimal. */
function query(): string {
  const name = Buffer.from("\x07example\x03org\x00", "latin1").toString("hex");
  return `4f4201000001000000000000${name}00010001`;
}

/** What `probe` prints of the answer of this host's own name server; empty if it does not answer. */
async function hostAnswer(): Promise<string> {
  const server = /^nameserver\s+(\S+)/m.exec(await readFile("/etc/resolv.conf", "utf8").catch(() => ""))?.[1];
  if (server === undefined) return "";
  const socket = createSocket(server.includes(":") ? "udp6" : "udp4");
  try {
    socket.send(Buffer.from(query(), "hex"), 53, server);
    const [answer] = (await once(socket, "message", { signal: AbortSignal.timeout(10_000) })) as [Buffer];
    return answer.subarray(2, 4).toString("hex");
  } catch {
    return "";
  } finally {
    socket.close();
  }
}

const addresses = ["10.0.2.2", "127.0.0.1", "::1", "fec0::2", ...outside].join(" ");
const tries = (port: number) => `(run (network host) (shell "perl /probe.pl ${port} ${addresses}"))`;
const user = "(user (uid 0) (gid 0))";
const copy = "(copy (src probe.pl) (dst /probe.pl))";

const passt = { hostLoopback: false, flags: ["--qemu-network", "passt", "-vv"] };

describe("the host's loopback", { timeout: 600_000 }, () => {
  it("is not reached by a hostile guest, in a VM that was booted or resumed, while the host's network is", async () => {
    await using host = await listeners();
    const result = await build(
      store,
      `((from ${imageName}) ${user} (run (network host) (shell "echo booted")) ${copy} ${tries(host.port)})`,
      passt,
    );
    expect(result.exitCode, result.all).toBe(0);
    expect(result.all).not.toContain("WARNING");
    // The copy has a VM without a network, and the last step one with passt: both from snapshots of one with passt.
    expect(result.all.match(/resumed from snapshot/g), result.all).toHaveLength(2);
    expect([...host.arrived].toSorted()).toEqual(
      outside.flatMap((address) => [`tcp ${address}`, `udp ${address}`]).toSorted(),
    );
    expect(result.all).toContain(`names: ${await hostAnswer()}\n`);

    const resumed = await build(
      store,
      `((from ${imageName}) ${tries(host.port).replace("perl", "true")})`,
      passt,
    );
    expect(resumed.exitCode, resumed.all).toBe(0);
    expect(resumed.all).toContain("resumed from snapshot (ready)");
  });

  it("is reached where that is allowed, and slirp warns where it is not", async () => {
    await using host = await listeners();
    const spec = `((from ${imageName}) ${user} ${copy} ${tries(host.port)})`;
    const allowed = await build(store, spec);
    expect(allowed.exitCode, allowed.all).toBe(0);
    expect(allowed.all).not.toContain("127.0.0.1, at 10.0.2.2");
    expect([...host.arrived]).toEqual(expect.arrayContaining(["tcp 127.0.0.1", "udp 127.0.0.1"]));

    const twice = `((from ${imageName}) (run (network host) (shell "echo 1")) (run (network host) (shell "echo 2")))`;
    const slirp = { hostLoopback: false, flags: ["--qemu-network", "slirp"] };
    const warned = await build(store, twice, slirp);
    expect(warned.exitCode, warned.all).toBe(0);
    expect(warned.all.match(/can reach services on this host's 127\.0\.0\.1/g)).toHaveLength(1);
  });
});
