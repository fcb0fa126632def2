import { chmod, cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "@ob/core";
import { withPrefix } from "@ob/images/toolkit";

export interface SystemOptions {
  /** See `fakerootPrefix`. */
  readonly asRoot: readonly string[];
  /** The login user. */
  readonly user: string;
  /** Lines of the guest's `sources.list`. */
  readonly sources: readonly string[];
  readonly signal: AbortSignal | undefined;
}

/** User accounts of packages; base-passwd has the others. */
const users = [
  "_apt:x:42:65534::/nonexistent:/usr/sbin/nologin",
  "sshd:x:100:65534:sshd user:/run/sshd:/usr/sbin/nologin",
];

/** Template files in packages that their scripts copy. */
const copies = [
  ["usr/share/base-files/profile", "etc/profile"],
  ["usr/share/base-files/dot.bashrc", "root/.bashrc"],
  ["usr/share/base-files/dot.profile", "root/.profile"],
  ["usr/share/debianutils/shells", "etc/shells"],
  ["usr/share/libc-bin/nsswitch.conf", "etc/nsswitch.conf"],
  ["usr/share/openssh/sshd_config", "etc/ssh/sshd_config"],
] as const;

const alternatives = [
  ["awk", "/usr/bin/mawk"],
  ["which", "/usr/bin/which.debianutils"],
] as const;

/** Directories that base-files' script creates. */
const directories = [
  ...["bin", "etc", "games", "include", "lib", "sbin", "share", "src"].map((name) => `usr/local/${name}`),
  ...["etc/opt", "mnt", "opt", "srv", "var/local", "var/mail", "var/opt"],
];

/** Does what the packages' maintainer scripts do at an installation, because none of them has run for this root. */
export async function setUpSystem(root: string, options: SystemOptions): Promise<void> {
  const { user, asRoot, sources, signal } = options;
  const at = (path: string): string => join(root, path);
  for (const directory of directories) await mkdir(at(directory), { recursive: true });
  const passwd = await master(at("usr/share/base-passwd/passwd.master"), [
    ...users,
    `${user}:x:1000:1000::/home/${user}:/bin/bash`,
  ]);
  const group = await master(at("usr/share/base-passwd/group.master"), [`${user}:x:1000:`]);
  await writeFile(at("etc/passwd"), text(passwd));
  await writeFile(at("etc/group"), text(group));
  // "*" means no password, but does not lock the account: sshd without PAM refuses logins to a locked account.
  await writeFile(at("etc/shadow"), text(passwd.map((line) => `${nameOf(line)}:*:20000:0:99999:7:::`)));
  await writeFile(at("etc/gshadow"), text(group.map((line) => `${nameOf(line)}:*::`)));
  for (const file of ["etc/shadow", "etc/gshadow"]) await chmod(at(file), 0o640);
  await run(withPrefix(asRoot, ["chown", "0:42", at("etc/shadow"), at("etc/gshadow")]), { signal });

  for (const [from, to] of copies) await cp(at(from), at(to));
  await writeFile(at("etc/apt/sources.list"), text(sources));
  for (const [name, program] of alternatives) {
    const link = `/usr/bin/${name}`;
    await run(
      withPrefix(asRoot, [
        ...(["update-alternatives", "--quiet", "--root", root] as const),
        ...["--log", "/dev/null", "--install", link, name, program, "1"],
      ]),
      { signal },
    );
  }
  await cp(at("etc/skel"), at(join("home", user)), { recursive: true });
  await mkdir(at("var/lib/apt/lists/partial"), { recursive: true });
}

async function master(file: string, more: readonly string[]): Promise<readonly string[]> {
  return [...(await readFile(file, "utf8")).trim().split("\n"), ...more];
}

function nameOf(account: string): string {
  return account.slice(0, account.indexOf(":"));
}

function text(lines: readonly string[]): string {
  return `${lines.join("\n")}\n`;
}
