import { errnoCode, errorMessage, type ObError, quotedName } from "@ob/core";
import * as v from "valibot";
import { registryError } from "../errors.ts";
import { readBody } from "../http/body.ts";
import { parseJson } from "../http/json.ts";
import type { HttpResponse } from "../http/transport.ts";

/** A request as messages name it: without its query, which may have a token in it. */
export interface RequestName {
  readonly method: string;
  readonly registry: string;
  readonly path: string;
}

const schema = v.object({
  errors: v.array(v.object({ code: v.optional(v.string(), ""), message: v.optional(v.string(), "") })),
});

/** What a registry says of a request that it refuses. */
export interface Refusal {
  readonly status: number;
  /** The codes of the distribution specification: `MANIFEST_UNKNOWN`. */
  readonly codes: readonly string[];
  readonly said: string;
}

/** Reads the body of a response that is an error. */
export async function readRefusal(response: HttpResponse): Promise<Refusal> {
  const { status } = response;
  try {
    const body = await readBody(response.body, { what: "The error", limit: 64 << 10 });
    const { errors } = parseJson(body, { what: "The error", schema });
    const said = errors.slice(0, 3).map(({ code, message }) => `${code}: ${message}`);
    return { status, codes: errors.map(({ code }) => code), said: said.join("; ") };
  } catch {
    // A proxy's page, or nothing: the status says what there is to say.
    return { status, codes: [], said: "" };
  }
}

/** The error for a response that was not expected. */
export function refusedError({ method, registry, path }: RequestName, refusal: Refusal): ObError {
  const { status, said } = refusal;
  const quoted = said === "" ? "" : `, ${quotedName(said)}`;
  const isLogin = status === 401 || status === 403;
  const hint = isLogin
    ? "Log in to the registry: credentials come from Docker's config.json and its credential helpers."
    : undefined;
  return registryError(`${registry} refused ${method} ${path}: status ${status}${quoted}.`, {
    hint,
    data: { registry, status: String(status), ...(isLogin && { problem: "unauthorized" }) },
  });
}

/** The error for a request without a response, or for a connection that ended too early. */
export function unreachableError({ method, registry, path }: RequestName, error: unknown): ObError {
  const reasons = error instanceof AggregateError ? error.errors.map(errorMessage) : [errorMessage(error)];
  const code = errnoCode(error);
  return registryError(`${registry} did not answer ${method} ${path}: ${reasons.join("; ")}`, {
    cause: error,
    hint: tlsHint(code) ?? "Check the name of the registry, the network and the proxy.",
    data: { registry, problem: "unreachable" },
  });
}

function tlsHint(code: string | undefined): string | undefined {
  if (code === undefined) return undefined;
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG") {
    return "The registry does not speak TLS. Plain http has to be allowed for it.";
  }
  return /CERT|SELF_SIGNED|ISSUER|VERIFY/.test(code)
    ? "The certificate of the registry is not trusted. Give the certificate of its authority."
    : undefined;
}
