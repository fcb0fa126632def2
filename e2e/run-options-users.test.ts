import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { build, obuilder } from "./support/obuilder.ts";
import { imageName, type TestStore, temporaryStore } from "./support/store.ts";

let store: TestStore;
beforeAll(async () => {
  store = await temporaryStore();
});
afterAll(() => store[Symbol.asyncDispose]());

/** Prints the current user, and creates a file for the last step to check. */
const who = (name: string, more = "true") =>
  `(run (shell "echo ${name}: $(id -u):$(id -g) [$(id -G)] $HOME $USER $(pwd); echo x > /tmp/${name}; ${more}"))`;

const joinGroup =
  "groupadd -f extra 2>/dev/null || addgroup extra; sed -i 's/^extra:.*/&opam/' /etc/group; grep ^extra /etc/group";
/** Read by sshd, if its settings permit that, for each session of the user. */
const environment = "printf 'FIRST=from a session\\n# A=1\\nTWICE=1\\nTWICE=2\\n' >~/.ssh/environment";
const owners = "stat -c '%u:%g %a %n' /made . /tmp/login /tmp/root /tmp/named /tmp/known /tmp/unknown";

describe("the user of a step", () => {
  it("is the login user, root, or the user in the spec, known to the guest or not", async () => {
    const result = await build(
      store,
      `((from ${imageName})
        ${who("login", environment)}
        (user (uid 0) (gid 0)) ${who("root", joinGroup)}
        (user (name opam)) ${who("named")}
        (env FIRST "the step's") (env OWN 1)
        (user (uid 1000) (gid 1000)) ${who("known", "echo session: $FIRST, $TWICE, $OWN")}
        (user (uid 4321) (gid 8765)) (workdir /made/here) ${who("unknown", owners)}
        (user (name nobody-of-that-name)) ${who("nobody")})`,
    );
    expect(result.exitCode, result.all).toBe(1);
    expect(result.all).toMatch(/^login: 1000:1000 \[1000.*\] \/home\/opam opam \/$/m);
    expect(result.all).toMatch(/^root: 0:0 \[0.*\] \/root root \/$/m);
    const extra = /^extra:[^:]*:(\d+):opam$/m.exec(result.all)?.[1];
    expect(extra).toBeDefined();
    expect(result.all).toMatch(
      new RegExp(`^named: 1000:1000 \\[1000.* ${extra}\\b.*\\] /home/opam opam /$`, "m"),
    );
    // As in a container, an id has no other groups.
    expect(result.all).toMatch(/^known: 1000:1000 \[1000\] \/home\/opam opam \/$/m);
    expect(result.all).toMatch(/^session: the step's, 2, 1$/m);
    expect(result.all).toMatch(/^unknown: 4321:8765 \[8765\] \/ 4321 \/made\/here$/m);
    expect(result.all).toContain(
      "4321:8765 755 /made\n4321:8765 755 .\n1000:1000 644 /tmp/login\n0:0 644 /tmp/root\n1000:1000 644 /tmp/named\n1000:1000 644 /tmp/known\n4321:8765 644 /tmp/unknown\n",
    );
    expect(result.all).toContain("the guest has no user nobody-of-that-name");
  });

  it("gives a step another layer id if the spec says root", async () => {
    const idOf = async (user: string): Promise<unknown> => {
      const planned = await obuilder(
        ["plan", "--json", `--store=qemu:${store.directory}`, "-f", "-", store.work],
        {
          input: `((from ${imageName}) ${user} (run (shell id)))`,
        },
      );
      return (JSON.parse(planned.stdout.split("\n").at(-1) ?? "") as Record<string, unknown>)["id"];
    };
    const ids = await Promise.all(["", "(user (uid 0) (gid 0))", "(user (uid 0) (gid 1))"].map(idOf));
    expect(new Set(ids).size).toBe(3);
  });
});

/** A source directory with files by their paths. A path with a slash at its end is a directory. */
async function sourceTree(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const source = path.join(store.work, name);
  for (const [file, contents] of Object.entries(files)) {
    const at = path.join(source, file);
    await mkdir(file.endsWith("/") ? at : path.dirname(at), { recursive: true });
    if (!file.endsWith("/")) await writeFile(at, contents);
  }
  return source;
}

/** Large enough to be sent as a disk. */
const large = "0123456789abcdef".repeat(600_000);

/** Directories of every guest, one with its own owner, mode and time, and one behind a link. */
const existing = "/ /etc /tmp /var /var/mail /usr /usr/bin /home /home/opam /keep /keep/in";
const makeExisting = [
  "mkdir -p /keep/in && chown 7:8 /keep/in && chmod 2775 /keep/in && ln -s keep /link",
  "touch -d @1000000000.25 /keep/in /keep && echo build:x:2001:5555::/home/build:/bin/sh >>/etc/passwd",
].join(" && ");
const show = (word: string): string =>
  `(run (shell "stat -c '${word} %n %u:%g %a %y' ${existing}; stat -c '${word} %N %u' /link"))`;

describe("the owner of copied files", () => {
  it("is the step's user, also of created directories, and no existing directory is changed", async () => {
    const onto = ["etc/", "tmp/", "var/mail/", "bin/tool", "link/in/f", "keep/in/g", "keep/new/h"];
    const source = await sourceTree("user", {
      ...Object.fromEntries(onto.map((file) => [file, ""])),
      "src/a.opam": "",
      "src/d/e/f": "",
      "src/large/etc/": "",
      "src/large/keep/in/big": large,
    });
    const result = await build(
      store,
      `((build tools ((from ${imageName}) (run (shell "sudo install -D -m 6755 -o 2001 -g 5555 /bin/true /made/d/tool"))))
        (from ${imageName})
        (user (uid 0) (gid 0)) (run (shell "${makeExisting}"))
        ${show("before")}
        (user (uid 4321) (gid 8765)) (copy (src .) (dst /) (exclude src))
        (copy (src src/large/etc src/large/keep) (dst /))
        (copy (from (build tools)) (src /made/d) (dst /opt/of/number/))
        (user (uid 1000) (gid 1000)) (copy (src src/a.opam) (dst /home/opam/src/./))
        (run (shell "echo x > /home/opam/src/./dune-project"))
        (user (name build)) (copy (src src/d/e) (dst /srv/w/))
        (copy (from (build tools)) (src /made/d/tool) (dst /srv/of/name/tool))
        (run (shell "touch /srv/w/n /srv/w/e/n; stat -c '%n %u:%g %a' /srv /srv/w /srv/w/e /srv/w/e/f /srv/of /srv/of/name/tool"))
        (run (shell "stat -c '%n %u:%g %a' /opt/of /opt/of/number/d /opt/of/number/d/tool /usr/bin/tool"))
        (run (shell "stat -c '%n %u:%g %a %s' /keep/new /keep/new/h /keep/in/f /keep/in/g /keep/in/big"))
        ${show("after")}
        (user (name nobody-of-that-name)) (copy (src src/a.opam) (dst /x/)))`,
      { source },
    );
    expect(result.exitCode, result.all).toBe(1);
    expect(result.all).toContain("the guest has no user nobody-of-that-name");
    const lines = (word: string): readonly string[] =>
      result.all
        .split("\n")
        .flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length)] : []));
    expect(lines("before")).toHaveLength(existing.split(" ").length + 1);
    expect(lines("after")).toEqual(lines("before"));
    expect(lines("after")).toContainEqual(expect.stringMatching(/^ \/keep\/in 7:8 2775 2001-09-09 .*\.25/));
    for (const line of [
      ...["/srv/w 2001:5555 755", "/srv/w/e 2001:5555 755", "/srv/w/e/f 2001:5555 644"],
      ...["/srv/of 2001:5555 755", "/srv/of/name/tool 2001:5555 6755", "/usr/bin/tool 4321:8765 644"],
      ...["/opt/of 4321:8765 755", "/opt/of/number/d 4321:8765 755", "/opt/of/number/d/tool 4321:8765 755"],
      ...["/keep/new 4321:8765 755 4096", "/keep/new/h 4321:8765 644 0", "/keep/in/f 4321:8765 644 0"],
      ...["/keep/in/g 4321:8765 644 0", "/keep/in/big 4321:8765 644 9600000"],
    ]) {
      expect(result.all).toContain(`\n${line}\n`);
    }
  });

  it("is the login user if the spec has no user", async () => {
    const source = await sourceTree("login", { "p/a": "", "p/d/b": "", "big/c": large });
    const result = await build(
      store,
      `((from ${imageName}) (copy (src p) (dst /home/opam/p)) (workdir /home/opam/p) (run (shell "touch built d/built"))
        (copy (src big/c) (dst ../big/)) (workdir /srv/o/k)
        (run (shell "umask 077; stat -c '%n %u:%g %a' /home/opam/p /home/opam/p/a /home/opam/big /home/opam/big/c /srv/o ."))
        (workdir deep/er) (run (shell "stat -c '%n %u:%g %a' .. .")))`,
      { source },
    );
    expect(result.exitCode, result.all).toBe(0);
    for (const name of ["/home/opam/p", "/home/opam/big", "/srv/o", ".", ".."]) {
      expect(result.all).toContain(`\n${name} 1000:1000 755\n`);
    }
    for (const name of ["/home/opam/p/a", "/home/opam/big/c"]) {
      expect(result.all).toContain(`\n${name} 1000:1000 644\n`);
    }
  });
});
