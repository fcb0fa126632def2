import { isObError } from "@ob/core";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { expect, test } from "vitest";
import { planDigest } from "../engine/plan-digest.ts";
import { newPoolKey, openSecrets, publicKeyOf, sealSecrets } from "./sealed-secrets.ts";

const plan = planDigest({ spec: "((from a))", context: "sha256:1" });

async function pool() {
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

test("what is sealed for pools can be opened by each of them, byte for byte", async () => {
  const [one, two] = [await pool(), await pool()];
  const secrets = new Map([
    ["token", Buffer.from([0, 255, 10])],
    ["__proto__ of a name", Buffer.from("x")],
  ]);
  const sealed = await sealSecrets(secrets, { recipients: [one.recipient, two.recipient], plan });
  for (const { identity } of [one, two])
    expect(await openSecrets(sealed, { identity, plan })).toEqual(secrets);
});

test("another key, or none, opens nothing", async () => {
  const { recipient } = await pool();
  const { identity } = await pool();
  const sealed = await sealSecrets(new Map([["token", Buffer.from("x")]]), { recipients: [recipient], plan });
  const refused = { code: "BAD_SECRET" };
  await expect(openSecrets(sealed, { identity, plan })).rejects.toMatchObject(refused);
  await expect(openSecrets(sealed, { identity: undefined, plan })).rejects.toMatchObject(refused);
  await expect(openSecrets("garbage", { identity, plan })).rejects.toMatchObject(refused);
});

test("what is sealed for a build opens neither for another spec nor for another context", async () => {
  const { identity, recipient } = await pool();
  const sealed = await sealSecrets(new Map([["token", Buffer.from("x")]]), { recipients: [recipient], plan });
  for (const other of [
    { spec: "((from b))", context: "sha256:1" },
    { spec: "((from a))", context: "sha256:2" },
    { spec: "((from a))" },
  ]) {
    const opened = openSecrets(sealed, { identity, plan: planDigest(other) });
    await expect(opened).rejects.toMatchObject({ code: "BAD_SECRET" });
  }
});

test("without a key, or with one that is none, nothing is sealed", async () => {
  const secrets = new Map([["token", Buffer.from("x")]]);
  await expect(sealSecrets(secrets, { recipients: [], plan })).rejects.toMatchObject({ code: "USAGE" });
  await expect(sealSecrets(secrets, { recipients: ["age1nonsense"], plan })).rejects.toMatchObject({
    code: "USAGE",
  });
});

test("a new key of a pool opens what was sealed with its public one", async () => {
  const { identity, recipient } = await newPoolKey();
  expect(await publicKeyOf(identity)).toBe(recipient);
  const secrets = new Map([["a", Buffer.from("b")]]);
  const sealed = await sealSecrets(secrets, { recipients: [recipient], plan });
  expect(await openSecrets(sealed, { identity, plan })).toEqual(secrets);
  const error = await publicKeyOf("AGE-SECRET-KEY-1WRONG").catch((thrown: unknown) => thrown);
  expect(isObError(error, "USAGE") && error.message).not.toContain("WRONG");
});
