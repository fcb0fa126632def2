// Installs the published packages and all that they depend on with npm, and checks the registry's signatures of them.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packAll } from "./pack.ts";
import { installProject } from "./project.ts";
import { call } from "./tools.ts";

const work = await mkdtemp(join(tmpdir(), "obuilder-signatures-"));
try {
  const packed = await packAll(work);
  const directory = join(work, "project");
  await installProject({ directory, packed, wanted: packed.map(({ name }) => name) });
  await call("npm", ["audit", "signatures"], { cwd: directory, stdout: "inherit" });
} finally {
  await rm(work, { recursive: true, force: true });
}
