import { existsSync } from "node:fs";
import { copyFile, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { build, builtId, obuilder } from "./support/obuilder.ts";
import { imageName, type TestStore, temporaryStore } from "./support/store.ts";

let store: TestStore;
beforeAll(async () => {
  store = await temporaryStore();
});
afterAll(() => store[Symbol.asyncDispose]());

const then = `(run (shell "echo the next step"))`;

describe("a step after which nobody can log in", { timeout: 400_000 }, () => {
  it.each([
    ["writable home", "chmod -R 777 ~", "Authentication refused: bad ownership or modes"],
    ["broken configuration of sshd", "echo Nonsense | sudo tee -a /etc/ssh/sshd_config", "Nonsense"],
    ["other port of sshd", "echo Port 2222 | sudo tee -a /etc/ssh/sshd_config", "does not listen on port 22"],
    ["login user without sudo", "sudo rm -rf /etc/sudoers.d/* && echo", "a password is required"],
    ["login shell that refuses", "sudo sed -i /opam/s,/bin/bash,/bin/false, /etc/passwd", "is /bin/false"],
  ])("fails and is not saved: %s", async (_name, command, reason) => {
    const result = await build(store, `((from ${imageName}) (run (shell "${command}")) ${then})`);
    expect(result.exitCode, result.all).toBe(1);
    expect(result.all).toContain(
      "Build step failed: This step has left the guest so that no later step can log in to it: ",
    );
    expect(result.all).toContain(reason);
    expect(result.all).not.toMatch(/^the next step$/m);
    expect(await readdir(path.join(store.directory, "result"))).toHaveLength(1);
  });

  it("is saved with a warning if it is the last; a step that is added later names it", async () => {
    const spec = `((from ${imageName}) (run (shell "rm -rf ~/.ssh"))`;
    const last = await build(store, `${spec})`);
    expect(last.exitCode, last.all).toBe(0);
    expect(last.all).toMatch(
      /WARNING.* no later step can log in to it: .*there is no \/home\/opam\/.ssh\/authorized_keys/,
    );
    const next = await build(store, `${spec} ${then})`);
    expect(next.exitCode, next.all).toBe(4);
    expect(next.all).toContain(
      'The step before it has probably left its guest so: /: (run (shell "rm -rf ~/.ssh"))',
    );
    expect(next.all).toContain(`obuilder delete ${builtId(last.all)}`);
  });
});

/** The guest's libraries are those of Debian 12. */
const release = existsSync("/etc/os-release") ? await readFile("/etc/os-release", "utf8") : "";
const canCopyShell = /VERSION_ID="12"/.test(release) && process.arch === "x64" && existsSync("/bin/tcsh");

describe("a guest whose login shell is of another family than Bourne's", { timeout: 400_000 }, () => {
  it.skipIf(!canCopyShell)("runs every kind of step: its tcsh comes from a host with Debian 12", async () => {
    await copyFile("/bin/tcsh", path.join(store.work, "tcsh"));
    const result = await build(
      store,
      `((from ${imageName})
        (copy (src tcsh) (dst /usr/local/bin/))
        (run (shell "sudo sed -i /opam/s,/bin/bash,/usr/local/bin/tcsh, /etc/passwd"))
        (workdir /home/opam/it)
        (env V "a 'b' !c")
        (run (cache (c (target /c))) (shell "if ( 1 ) echo tcsh: $SHELL; printenv V; pwd"))
        (copy (src tcsh) (dst copied))
        (user (name opam))
        (run (shell "if ( 1 ) echo by name: $user"))
        (shell /bin/bash -c)
        (run (shell "[[ -O copied ]] && echo bash: it is")))`,
    );
    expect(result.exitCode, result.all).toBe(0);
    expect(result.all).toContain("tcsh: /usr/local/bin/tcsh\na 'b' !c\n/home/opam/it\n");
    expect(result.all).toContain("by name: opam\n");
    expect(result.all).toContain("bash: it is\n");
    const printed = await obuilder([
      ...["shell", `--store=qemu:${store.directory}`, "--qemu-boot-time", "120", builtId(result.all)],
      ...["--", "/bin/echo", "it's", "!a\\b"],
    ]);
    expect(printed.stdout, printed.all).toBe("it's !a\\b");
  });
});
