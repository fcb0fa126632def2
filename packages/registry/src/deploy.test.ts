import { createReadStream } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { missingForCluster, startClusterServices } from "../../../scripts/cluster-services.mjs";
import { openRegistry } from "./index.ts";

const missing = missingForCluster();

test.skipIf(missing.length > 0)(
  "with the registries of deploy/ workers push layers, and clients only contexts",
  async () => {
    await using stack = new AsyncDisposableStack();
    const directory = await mkdtemp(join(tmpdir(), "ob-deploy-"));
    stack.defer(async () => await rm(directory, { recursive: true, force: true }));
    const services = await startClusterServices(join(directory, "services"), { isPlain: false });
    stack.defer(async () => await services.stop());
    const open = async (role: "worker" | "client", host: keyof typeof services.hosts) => {
      const own = async (name: string) => await readFile(join(services.credentials, role, name), "utf8");
      const { auths } = JSON.parse(await own("config.json"));
      const address = services.hosts[host];
      const login = Buffer.from(auths[address].auth, "base64").toString();
      const [username = "", password = ""] = login.split(":");
      const credentials = { kind: "password", username, password } as const;
      return stack.use(openRegistry({ ref: `${address}/ob`, ca: await own("ca.crt"), credentials }));
    };
    const file = join(directory, "file");
    await writeFile(file, "bytes");
    const artefact = { artifactType: "application/x", layers: [{ file, mediaType: "application/y" }] };

    const { manifestDigest } = await (await open("worker", "layers")).pushArtefact(artefact);
    const reading = await open("client", "reading");
    expect(await reading.findArtefact(manifestDigest)).toMatchObject({ artifactType: "application/x" });
    const another = join(directory, "another");
    await writeFile(another, "others");
    const more = { ...artefact, layers: [{ file: another, mediaType: "application/y" }] };
    await expect(reading.pushArtefact(more)).rejects.toMatchObject({ code: "REGISTRY" });
    await expect((await open("client", "layers")).pushArtefact(more)).rejects.toMatchObject({
      code: "REGISTRY",
      data: { problem: "unauthorized" },
    });

    const contexts = await open("client", "contexts");
    const context = await contexts.pushContext({ tar: createReadStream(file) });
    expect(await (await open("worker", "contexts")).findContext(context.manifestDigest)).toBeDefined();
  },
);
