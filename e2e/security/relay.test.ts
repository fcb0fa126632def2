import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parsedKey, startServer } from "../../packages/sandbox-qemu/src/testing/ssh-server.ts";
import { build } from "../support/obuilder.ts";
import { imageName, type TestStore, temporaryStore } from "../support/store.ts";

let store: TestStore;
beforeAll(async () => {
  store = await temporaryStore();
});
afterAll(() => store[Symbol.asyncDispose]());

/**
 * Takes the place of sshd: relays connections to a port of the host's 127.0.0.1. The check after its own step, and the server
 * that still runs, get the real one.
 */
const relay = (port: number): string => `#!/usr/bin/perl
exec '/usr/sbin/sshd.real', @ARGV if grep { /^-[tTiR]/ } @ARGV;
use IO::Socket::INET;
my $listener = IO::Socket::INET->new(LocalPort => 22, Listen => 9, ReuseAddr => 1) or die;
exit 0 if fork;
open(my $pid, '>', '/run/sshd.pid'); print $pid $$; close $pid;
$SIG{CHLD} = 'IGNORE';
while (my $here = $listener->accept) {
  next if fork;
  my $there = IO::Socket::INET->new('10.0.2.2:${port}') or exit 1;
  my $up = fork;
  my ($from, $to) = $up ? ($here, $there) : ($there, $here);
  syswrite $to, $bytes while sysread $from, $bytes, 65536;
  exit 0;
}
`;

/**
 * Another machine that accepts the store's key. It records the commands that it receives, and prints its own identity.
 */
async function otherMachine() {
  const key = parsedKey(await readFile(path.join(store.directory, "state/ssh/id_ed25519"), "utf8"));
  const commands: string[] = [];
  const server = await startServer({
    accepts: key,
    onExec: (command, channel) => {
      commands.push(command);
      channel.write("obuilder-AAAAAAAAAAA\n");
      channel.exit(0);
      channel.end();
    },
  });
  return { port: server.port, commands, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

describe("a guest that relays its SSH port to another machine", { timeout: 400_000 }, () => {
  it("ends the step, and only the identity check was run on that machine", async () => {
    await using other = await otherMachine();
    await writeFile(path.join(store.work, "sshd"), relay(other.port), { mode: 0o755 });
    const result = await build(
      store,
      `((from ${imageName}) (user (uid 0) (gid 0)) (copy (src sshd) (dst /root/relay))
        (run (shell "mv /usr/sbin/sshd /usr/sbin/sshd.real && cp /root/relay /usr/sbin/sshd"))
        (run (network host) (shell "echo it ran")))`,
    );
    expect(result.exitCode, result.all).toBe(4);
    expect(result.all).toContain("Another virtual machine answers on the SSH port");
    expect(result.all).not.toMatch(/^it ran$/m);
    expect(other.commands).toHaveLength(1);
    expect(other.commands[0]).toContain("cat /sys/block/*/serial");
    expect(other.commands[0]).not.toContain("sudo");
  });
});
