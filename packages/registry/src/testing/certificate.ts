import { readFile } from "node:fs/promises";
import { run } from "@ob/core";
import type { Scratch } from "./scratch.ts";

/** A certificate that signs itself, for 127.0.0.1, and its key; files in PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
  /** The text of the certificate's file. */
  readonly pem: string;
}

/** Makes a certificate with openssl. */
export async function makeCertificate(files: Scratch, name: string): Promise<Certificate> {
  const [certificate, key] = [files.path(`${name}.crt`), files.path(`${name}.key`)];
  const subject = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  await run(["openssl", "req", "-x509", ...kind, ...subject, "-keyout", key, "-out", certificate]);
  return { certificate, key, pem: await readFile(certificate, "utf8") };
}
