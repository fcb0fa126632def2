import { isObError } from "@ob/core";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { expect, test } from "vitest";
import { newPoolKey, openSecrets, publicKeyOf, sealSecrets } from "./sealed-secrets.ts";

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
  const sealed = await sealSecrets(secrets, [one.recipient, two.recipient]);
  for (const { identity } of [one, two]) expect(await openSecrets(sealed, identity)).toEqual(secrets);
});

test("another key, or none, opens nothing", async () => {
  const sealed = await sealSecrets(new Map([["token", Buffer.from("x")]]), [(await pool()).recipient]);
  await expect(openSecrets(sealed, (await pool()).identity)).rejects.toMatchObject({ code: "BAD_SECRET" });
  await expect(openSecrets(sealed, undefined)).rejects.toMatchObject({ code: "BAD_SECRET" });
  await expect(openSecrets("garbage", (await pool()).identity)).rejects.toMatchObject({ code: "BAD_SECRET" });
});

test("without a key, or with one that is none, nothing is sealed", async () => {
  const secrets = new Map([["token", Buffer.from("x")]]);
  await expect(sealSecrets(secrets, [])).rejects.toMatchObject({ code: "USAGE" });
  await expect(sealSecrets(secrets, ["age1nonsense"])).rejects.toMatchObject({ code: "USAGE" });
});

test("a new key of a pool opens what was sealed with its public one", async () => {
  const { identity, recipient } = await newPoolKey();
  expect(await publicKeyOf(identity)).toBe(recipient);
  const secrets = new Map([["a", Buffer.from("b")]]);
  expect(await openSecrets(await sealSecrets(secrets, [recipient]), identity)).toEqual(secrets);
  const error = await publicKeyOf("AGE-SECRET-KEY-1WRONG").catch((thrown: unknown) => thrown);
  expect(isObError(error, "USAGE") && error.message).not.toContain("WRONG");
});
