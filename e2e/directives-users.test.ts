import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { build, obuilder } from "./support/obuilder.ts";
import { imageName, type TestStore, temporaryStore } from "./support/store.ts";

let store: TestStore;
beforeAll(async () => {
  store = await temporaryStore();
});
afterAll(() => store[Symbol.asyncDispose]());

/** Says who runs it, and makes a file for the last step to look at. */
const who = (name: string, more = "true") =>
  `(run (shell "echo ${name}: $(id -u):$(id -g) [$(id -G)] $HOME $USER $(pwd); echo x > /tmp/${name}; ${more}"))`;

const joinGroup =
  "groupadd -f extra 2>/dev/null || addgroup extra; sed -i 's/^extra:.*/&opam/' /etc/group; grep ^extra /etc/group";
const owners = "stat -c '%u:%g %n' . /tmp/login /tmp/root /tmp/named /tmp/known /tmp/unknown";

describe("the user of a step", () => {
  it("is the login user, root, or whoever the spec names, known to the guest or not", async () => {
    const result = await build(
      store,
      `((from ${imageName})
        ${who("login")}
        (user (uid 0) (gid 0)) ${who("root", joinGroup)}
        (user (name opam)) ${who("named")}
        (user (uid 1000) (gid 1000)) ${who("known")}
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
    // An id brings no other groups, as in a container.
    expect(result.all).toMatch(/^known: 1000:1000 \[1000\] \/home\/opam opam \/$/m);
    expect(result.all).toMatch(/^unknown: 4321:8765 \[8765\] \/ 4321 \/made\/here$/m);
    expect(result.all).toContain(
      "4321:8765 .\n1000:1000 /tmp/login\n0:0 /tmp/root\n1000:1000 /tmp/named\n1000:1000 /tmp/known\n4321:8765 /tmp/unknown\n",
    );
    expect(result.all).toContain("the guest has no user nobody-of-that-name");
  });

  it("gives a step an id of its own where the spec says root", async () => {
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
