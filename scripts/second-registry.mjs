// Runs the tests of @ob/registry against one more registry than a host has: that of go-containerregistry, the program crane. Debian
// has it from version 14 on. Where it is not installed, it is taken from Debian's testing suite into a directory of its own; nothing
// is installed for that, and the host's apt is left as it is.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { bin, environment, mustCall, repository, which } from "./environment.mjs";

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Says why where it cannot: a host need not be Debian's. */
export function testSecondRegistry() {
  if (which("crane")) return runTests({});
  const directory = mkdtempSync(join(tmpdir(), "obuilder-crane-"));
  try {
    const path = unpackCrane(directory);
    if (path) runTests({ PATH: [environment().PATH, path].join(delimiter) });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function runTests(env) {
  mustCall(join(bin, "vitest"), ["run", "src/conformance.test.ts", "src/image-index.test.ts"], {
    cwd: join(repository, "packages", "registry"),
    env: { ...environment(), ...env },
    what: "The tests with a second registry",
  });
}

/** @returns the directory with the program, or undefined if it cannot be had. */
function unpackCrane(directory) {
  const mirror = debianMirror();
  if (mirror === undefined) {
    process.stderr.write("SKIPPED: a second registry: apt names no mirror of Debian.\n");
    return undefined;
  }
  for (const part of ["etc/preferences.d", "state/lists/partial", "cache/archives/partial"]) {
    mkdirSync(join(directory, part), { recursive: true });
  }
  writeFileSync(join(directory, "status"), "");
  writeFileSync(join(directory, "etc/sources.list"), `deb [signed-by=${keyring}] ${mirror} testing main\n`);
  const settings = {
    "Dir::Etc": join(directory, "etc"),
    "Dir::State": join(directory, "state"),
    "Dir::State::status": join(directory, "status"),
    "Dir::Cache": join(directory, "cache"),
    "APT::Sandbox::User": "",
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const run = (program, args) => spawnSync(program, args, { cwd: directory, encoding: "utf8" });
  const steps = [
    ["apt-get", [...options, "--quiet", "update"]],
    ["apt-get", [...options, "--quiet", "download", "crane"]],
    ["sh", ["-c", "dpkg-deb --extract crane_*.deb ."]],
  ];
  for (const [program, args] of steps) {
    const { status, stderr } = run(program, args);
    if (status === 0) continue;
    process.stderr.write(`SKIPPED: a second registry: crane cannot be had from Debian testing:\n${stderr}\n`);
    return undefined;
  }
  return join(directory, "usr", "bin");
}

/** Where the host's apt gets Debian from. */
function debianMirror() {
  const format = "$(REPO_URI) $(ORIGIN) $(LABEL)";
  const args = ["indextargets", "--format", format, "Created-By: Packages"];
  const { stdout } = spawnSync("apt-get", args, { encoding: "utf8" });
  return /^(\S+) Debian Debian$/m.exec(stdout ?? "")?.[1];
}
