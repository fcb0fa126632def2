import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { findProgram, noopEmit, run } from "@ob/core";
import { describe, expect, it } from "vitest";
import { Confinement } from "./confinement.ts";

/** Tries what a program in QEMU's place could reach of the host, and prints what it did. Changes nothing. */
const reach = String.raw`
use strict; use Socket qw(:all);
my ($pid, $secret, $socket, $abstract, $port) = @ARGV; my @can;
sub can { my ($name, $works) = @_; push @can, "$name\n" if $works }
sub joins { my ($family, $address) = @_; socket(my $s, $family, SOCK_STREAM, 0) or return 0; connect $s, $address }
sub opens { my ($how, $file) = @_; open(my $f, $how, $file) or return 0; my $byte; $how ne '<' || sysread $f, $byte, 1 }
can 'read a file of the store', opens('<', $secret);
can 'signal a process of the host', kill(0, $pid);
can 'connect to a unix socket', joins(AF_UNIX, pack_sockaddr_un($socket));
can 'connect to an abstract socket', joins(AF_UNIX, pack_sockaddr_un("\0$abstract"));
can 'connect to 127.0.0.1', joins(AF_INET, pack_sockaddr_in($port, inet_aton('127.0.0.1')));
open my $cards, '<', '/proc/net/dev'; can 'see a network card', grep { /^\s*(\w+):/ && $1 ne 'lo' } <$cards>;
can "see $_", -e $_ for qw(/run/dbus/system_bus_socket /run/systemd/private /etc/passwd /etc/shadow /root /home /var /run /sys/kernel
  /dev/shm /dev/net/tun /dev/vda /dev/sda /dev/mem /dev/fuse /dev/tty /dev/ptmx /dev/kmsg /dev/vhost-net /dev/kvm);
can "write to $_", opens('+<', $_) for qw(/proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname
  /proc/sys/net/ipv4/ip_forward /proc/1/mem /proc/1/oom_score_adj /usr/bin/perl /etc/ld.so.cache);
can "read $_", opens('<', $_) for qw(/proc/kcore /proc/kmsg /proc/1/environ /proc/1/maps /proc/1/mem);
can 'see other processes', 3 < grep { m{/\d+$} } glob '/proc/[0-9]*';
open my $shared, '<', '/proc/sysvipc/shm'; can 'see shared memory', 1 < (() = <$shared>);
can "see the variable $_", !/^(?:PATH|LANG|PWD)$/ for keys %ENV;
can "see $_", 1 for grep { !/^(?:bin|dev|etc|lib\w*|proc|sbin|usr|write-\d+)$/ } map { m{^/(.*)} } glob '/*';
print sort @can;
`;

/** Likewise what it could do to the host: not to be run where nothing hinders it. Numbers are those of Linux' system calls on x86-64. */
const harm = String.raw`
my ($none, $dev, $tmpfs, $node) = ('none', '/dev', 'tmpfs', '/dev/node');
print "make the file $_\n" for grep { open my $f, '>', $_ } qw(/file /usr/file /dev/file /etc/file /proc/file);
print "mount\n" if syscall(165, $none, $dev, $tmpfs, 0, 0) == 0;
print "make a device\n" if syscall(133, $node, 0020666, 0x101) == 0;
print "become root\n" if $> != 0 && syscall(105, 0) == 0;
print "join a namespace of process 1\n" if open(my $ns, '<', '/proc/1/ns/mnt') && syscall(308, fileno $ns, 0) == 0;
print "trace process 1\n" if syscall(101, 16, 1, 0, 0) == 0;
print "change the limits of process 1\n" if syscall(302, 1, 7, 0, 0) == 0 && $> == 0;
print "change the root\n" if chroot '/usr';
`;

const { isolated } = await (async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "reach-"));
  return await new Confinement({ choice: "auto", stateDirectory: directory.path }).status();
})();
const hasPerl = (await findProgram("perl")) !== undefined;

describe.skipIf(!isolated || !hasPerl || process.arch !== "x64")("a program in the place of QEMU", () => {
  it("reaches nothing of the host: no files, sockets, processes, devices and calls", async () => {
    await using directory = await mkdtempDisposable(join(tmpdir(), "reach-"));
    const [secret, socket] = [join(directory.path, "secret"), join(directory.path, "socket")];
    await writeFile(secret, "secret", { mode: 0o644 });
    const abstract = `obuilder-${crypto.randomUUID()}`;
    await using stack = new AsyncDisposableStack();
    const listen = async (at: object) => {
      const server = stack.use(createServer((each) => void each.destroy()).listen(at));
      await once(server, "listening");
      return server.address();
    };
    await listen({ path: socket });
    await listen({ path: `\0${abstract}` });
    const address = await listen({ port: 0, host: "127.0.0.1" });
    const port = typeof address === "object" && address ? address.port : 0;
    const args = [String(process.pid), secret, socket, abstract, String(port)];

    // What is tried works where nothing hinders it.
    const { stdout: free } = await run(["perl", "-e", reach, ...args]);
    for (const able of ["read a file of the store", "signal a process", "unix", "abstract", "127.0.0.1"])
      expect(free).toContain(able);

    const confinement = new Confinement({ choice: "auto", stateDirectory: directory.path });
    const request = { directory: directory.path, program: "/usr/bin/perl", hostNetwork: false, kvm: false };
    const confined = await confinement.forVm(request, noopEmit);
    const [program = "", ...command] = confined.command() ?? [];
    expect(program).toMatch(/bwrap$/);
    for (const script of [reach, harm]) {
      const child = spawn(program, [...command, "/usr/bin/perl", "-e", script, ...args], {
        ...{ env: { PATH: process.env["PATH"] }, stdio: ["ignore", "pipe", "inherit"] as const },
      });
      const closed = once(child, "close");
      await expect(text(child.stdout)).resolves.toBe("");
      await expect(closed).resolves.toEqual([0, null]);
    }
  });
});
