import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "@ob/core";
import draft04 from "ajv-draft-04";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isoLabel, listIso } from "../src/disk/iso.ts";
import type { RecipeParameters } from "../src/recipe/recipe.ts";
import { makeSeed, packagesOf } from "./recipe.ts";
import { metaData, userData } from "./user-data.ts";

const publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ test";
const parameters: RecipeParameters = {
  ...{
    ocaml: undefined,
    diskSize: 20 * 1024 ** 3,
    user: "opam",
    packages: [],
    iso: undefined,
    from: new Map(),
  },
};
const variants = [undefined, "4.14.2", "5.2.0"];
const of = (ocaml: string | undefined, packages: readonly string[] = []) =>
  userData({ user: "opam", publicKey, ocaml, packages: packagesOf({ ...parameters, ocaml, packages }) });
interface Config {
  readonly users: readonly Readonly<Record<string, unknown>>[];
  readonly write_files: readonly { path: string; content: string; permissions: string }[];
  readonly packages?: readonly string[];
  readonly [key: string]: unknown;
}
const parse = (text: string) => JSON.parse(text.replace(/^#cloud-config\n/, "")) as Config;

describe("the user-data", () => {
  const schemaFile = join(import.meta.dirname, "test-data/cloud-config-26.2.schema.json");

  async function problems(config: unknown): Promise<readonly string[]> {
    const ajv = new draft04.default({ strict: false, allErrors: true, logger: false });
    const valid = ajv.compile(JSON.parse(await readFile(schemaFile, "utf8")) as object);
    valid(config);
    return (valid.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  }

  test.each(variants)("is valid by cloud-init 26.2's schema (OCaml %s)", async (ocaml) => {
    expect(await problems(parse(await of(ocaml)))).toEqual([]);
    expect(await problems(parse(await of(ocaml, ["hello", "jq"])))).toEqual([]);
  });

  test("is invalid with a misspelt key or a value of another type", async () => {
    const config = parse(await of("5.2.0"));
    expect(await problems({ ...config, packges: [] })).not.toEqual([]);
    expect(await problems({ ...config, packages: [] })).not.toEqual([]);
    expect(await problems({ ...config, power_state: { mode: "off" } })).not.toEqual([]);
    expect(await problems({ ...config, users: [{ ...config.users[0], sudoers: "x" }] })).not.toEqual([]);
  });

  test("begins with the line that identifies it to cloud-init", async () => {
    expect(await of(undefined)).toMatch(/^#cloud-config\n\{/);
  });

  test("creates one user, with the store's key and sudo, without a password", async () => {
    const { users, ...rest } = parse(await of(undefined));
    expect(users).toEqual([
      {
        ...{ name: "opam", uid: 1000, gecos: "OBuilder", groups: ["sudo"], shell: "/bin/bash" },
        ...{ sudo: "ALL=(ALL:ALL) NOPASSWD:ALL", lock_passwd: true, ssh_authorized_keys: [publicKey] },
      },
    ]);
    expect(rest).toMatchObject({ ssh_pwauth: false, disable_root: true, locale: "C.UTF-8" });
    expect(JSON.stringify(rest)).not.toMatch(/PRIVATE KEY|plain_text_passwd|hashed_passwd|chpasswd/);
  });

  test("installs the packages, and passes them to the script that checks the installation", async () => {
    const config = parse(await of("5.2.0", ["jq"]));
    expect(config.packages).toContain("opam");
    expect(config.packages).toContain("jq");
    expect(config["runcmd"]).toEqual([
      ["/usr/local/lib/obuilder/install", "opam", "5.2.0", ...(config.packages ?? [])],
    ]);
    expect(parse(await of(undefined))).not.toHaveProperty("packages");
  });

  test("powers the guest off at the end, if the last script succeeds", async () => {
    expect(parse(await of(undefined))["power_state"]).toEqual({
      ...{ mode: "poweroff", delay: "now", timeout: 60, condition: ["/usr/local/lib/obuilder/finish"] },
    });
  });

  test("contains valid bash scripts", async () => {
    const { write_files: files } = parse(await of(undefined));
    const scripts = files.filter(({ content }) => content.startsWith("#!"));
    expect(scripts.map(({ permissions }) => permissions)).toEqual(scripts.map(() => "0755"));
    for (const { content } of scripts) execFileSync("bash", ["-n"], { input: content });
    expect(files.find(({ path }) => path.startsWith("/etc/ssh/"))?.content).toMatch(/^AcceptEnv \*$/m);
    // netplan refuses files that others can read.
    expect(files.find(({ path }) => path.startsWith("/etc/netplan/"))?.permissions).toBe("0600");
    const known = await readdir(join(import.meta.dirname, "guest"));
    expect(files).toHaveLength(known.length);
  });
});

describe("the seed", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "seed-"));
  });
  afterEach(() => rm(directory, { recursive: true }));

  test("is an ISO with the label and the two files that cloud-init expects", async () => {
    const iso = join(directory, "seed.iso");
    await makeSeed(iso, {
      ...{ directory, name: "ubuntu-noble-amd64", parameters, publicKey, signal: undefined },
    });
    expect(await isoLabel(iso)).toBe("cidata");
    expect(await listIso(iso, { signal: undefined })).toEqual(["/meta-data", "/user-data"]);
    const out = join(directory, "out");
    await run(["xorriso", "-osirrox", "on", "-indev", iso, "-extract", "/", out]);
    expect(await readFile(join(out, "user-data"), "utf8")).toBe(await of(undefined));
    expect(await readFile(join(out, "meta-data"), "utf8")).toBe(metaData("ubuntu-noble-amd64"));
  });
});

test("the keyring contains exactly Ubuntu's two image signing keys", () => {
  const keyring = join(import.meta.dirname, "ubuntu-cloudimage-keyring.gpg");
  const shown = execFileSync("gpg", ["--show-keys", "--with-colons", keyring], { stdio: "pipe" }).toString();
  expect(shown.match(/(?<=^fpr:+)[0-9A-F]{40}/gm)).toEqual([
    "D2EB44626FDDC30B513D5BB71A5D6C4C7DB87C81",
    "4A3CE3CD565D7EB5C810E2B97FF3F408476CF100",
  ]);
});
