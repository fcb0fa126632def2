// Installs the command from its tarball outside of the repository, makes a base image with it, and builds a spec on that
// image. Writes what came of it to docs/verification.md.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packAll } from "./pack.ts";
import { installProject } from "./project.ts";
import { call } from "./tools.ts";
import { repository } from "./workspace.ts";

const work = await mkdtemp(join(tmpdir(), "obuilder-verify-"));
const project = join(work, "project");
const store = `--store=qemu:${join(work, "store")}`;
const spec = '((from busybox) (run (shell "uname -sm && cat /etc/os-release | head -n 1")))\n';
const rows: string[] = [];

/** Runs a step of the verification and records how long it took. */
async function verify<T>(what: string, step: () => Promise<T>): Promise<T> {
  console.log(what);
  const start = performance.now();
  const result = await step();
  rows.push(`| ${what} | ${Math.round((performance.now() - start) / 1000)} s |`);
  return result;
}

const obuilder = (args: readonly string[]) =>
  call(join(project, "node_modules", ".bin", "obuilder"), [...args, store], {
    cwd: project,
    stderr: "inherit",
  });

try {
  const packed = await verify("Pack all packages", () => packAll(work));
  await verify("Install the command from its tarball", () =>
    installProject({ directory: project, packed, wanted: ["@ob/cli"] }),
  );
  await writeFile(join(project, "busybox.spec"), spec);
  await verify("`obuilder image build busybox`", () => obuilder(["image", "build", "busybox"]));
  await verify("`obuilder build` of a spec from it", () => obuilder(["build", "-f", "busybox.spec", "."]));
  await verify("The same build again, from the store", () => obuilder(["build", "-f", "busybox.spec", "."]));
  const version = (await call("qemu-system-x86_64", ["--version"])).split("\n")[0] ?? "";
  const commit = await call("git", ["describe", "--always", "--dirty", "--abbrev=12"], { cwd: repository });
  await writeFile(join(repository, "docs", "verification.md"), report(version, commit));
} finally {
  await rm(work, { recursive: true, force: true });
}

function report(qemu: string, commit: string): string {
  return `# Verification

\`npm run verify\` installs the command from its tarball into an empty project outside the repository, makes the image
\`busybox\` with it and builds a spec on that image. It rewrites this file when that has succeeded, and goes on with the other parts, in \`scripts/verify.mjs\`, whose results it adds. \`npm test\` tests the other
packages in \`packaging/\`, without virtual machines.

Last result: success, ${new Date().toISOString().slice(0, 10)}, commit ${commit}, Node.js ${process.version}, ${qemu}.

| step | time |
| ---- | ---- |
${rows.join("\n")}
`;
}
