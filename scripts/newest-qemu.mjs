// The tests of what depends on QEMU, with the QEMU of the newest Debian, and the quickstart on a new machine with it. Both in root
// directories that are made for them and removed. They need root, for mounts.
import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, copyFileSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { bin, environment, mustCall, repository, Stop } from "./environment.mjs";
import { callIn, canHaveRoots, suite, withRoot } from "./trixie-root.mjs";

/** What the tests need of Debian. */
const packagesOfTests = [
  ...["ca-certificates", "qemu-system-x86", "qemu-system-misc", "opensbi", "u-boot-qemu", "qemu-utils"],
  ...["passt", "bubblewrap", "e2fsprogs", "fdisk", "openssh-client", "iproute2", "procps", "perl", "mount"],
];

/** What is run there: the folder, and its test files. */
const tests = [
  { folder: "packages/qemu", files: [] },
  {
    folder: "e2e",
    files: [
      ...[
        "sandbox/step.test.ts",
        "sandbox/resume.test.ts",
        "sandbox/conformance.test.ts",
        "vm-reuse.test.ts",
      ],
      ...[
        "riscv64-resume.test.ts",
        "vm-reuse-caches.test.ts",
        "run-options-caches.test.ts",
        "run-options-network.test.ts",
      ],
      ...["run-options-secrets.test.ts", "processes.test.ts", "security/confinement.test.ts"],
    ],
  },
];

/** A new machine has what README asks for, and no more (`mount` has every Debian). */
const packagesOfNewMachine = ["ca-certificates", "mount", "nodejs", "npm"];

/** Returns the exit status. */
export function testWithNewestQemu() {
  if (!canHaveRoots("the tests with the newest QEMU")) return 0;
  console.log(`\nThe tests of what depends on QEMU, in a root directory of Debian ${suite}`);
  const start = performance.now();
  return withRoot(packagesOfTests, (place) => {
    for (const { folder, files } of tests) {
      const command = [
        "env",
        "-C",
        join(repository, folder),
        join(bin, "vitest"),
        "run",
        "--exclude=systemd/**",
        ...files,
      ];
      const status = callIn(place, {
        shown: [repository],
        command,
        env: { ...environment(), OB_E2E_SLOW: "1" },
      });
      if (status !== 0) return status;
    }
    const names = tests.flatMap(({ folder, files }) =>
      files.length === 0 ? [folder] : files.map((file) => `${folder}/${file}`),
    );
    note(
      `The tests of what depends on QEMU (${names.map((name) => `\`${name}\``).join(", ")}) succeeded`,
      place,
      start,
    );
    return 0;
  });
}

/** Runs `npm run quickstart` twice in a copy of what is committed: the second time everything is there. Returns the exit status. */
export function quickstartOnNewMachine() {
  if (!canHaveRoots("the quickstart on a new machine")) return 0;
  console.log(`\nnpm run quickstart, in a root directory of Debian ${suite} with Node.js and npm only`);
  return withRoot(packagesOfNewMachine, (place) => {
    const start = performance.now();
    const { root } = place;
    copyRepository(join(root, "obuilder"));
    // The registry that this host uses, if it is another, and whom it trusts.
    for (const file of [join(homedir(), ".npmrc"), "/etc/npmrc", process.env.NODE_EXTRA_CA_CERTS]) {
      if (file !== undefined && existsSync(file)) copyFileSync(file, join(root, file));
    }
    for (let run = 1; run <= 2; run++) {
      const command = ["env", "-C", "/obuilder", "npm", "run", "quickstart"];
      const status = callIn(place, { command, env: { ...environment(), HOME: homedir(), PATH: systemPath } });
      if (status !== 0) return status;
    }
    note("`npm run quickstart` succeeded, twice,", place, start);
    return 0;
  });
}

const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

function copyRepository(directory) {
  mkdirSync(directory);
  const archive = `${directory}.tar`;
  mustCall("git", ["archive", "--output", archive, "HEAD"], { what: "Packing the repository" });
  mustCall("tar", ["-xf", archive, "-C", directory], { what: "Unpacking the repository" });
}

/** Adds the result to the page that the rest of the verification has written. */
function note(what, { root }, start) {
  const { stdout } = spawnSync("chroot", [root, "qemu-system-x86_64", "--version"], { encoding: "utf8" });
  appendFileSync(
    join(repository, "docs", "verification.md"),
    `\n${what} in a root directory of Debian ${suite}
with ${stdout.split("\n")[0]}, in ${Math.round((performance.now() - start) / 1000)} s.\n`,
  );
}

if (process.argv[1] === import.meta.filename) {
  const parts = { tests: testWithNewestQemu, quickstart: quickstartOnNewMachine };
  const part = parts[process.argv[2]];
  if (part === undefined)
    throw new Stop(`Usage: node scripts/newest-qemu.mjs ${Object.keys(parts).join(" | ")}`);
  process.exitCode = part();
}
