import { isIP } from "node:net";
import { ObError } from "@ob/core";
import type { OptionTable } from "./flags.ts";
import { type Arguments, enumOption, stringOption } from "./options.ts";

const group = "Watching:";
const logFormats = ["text", "json"] as const;
export type LogFormat = (typeof logFormats)[number];

export const watchOptions: OptionTable = {
  http: {
    kind: "value",
    value: "[ADDRESS:]PORT",
    describe:
      "Serve /metrics for Prometheus, /healthz and /readyz there; the address is 127.0.0.1 if there is only a port (default: nowhere)",
    group,
  },
  board: {
    kind: "flag",
    describe: "Serve bull-board at /board/ of --http, too: it shows the queues, and changes nothing",
    group,
  },
  "log-format": {
    kind: "value",
    value: "FORMAT",
    describe: "text, or json: one object a line on standard output (default: text)",
    group,
    complete: logFormats,
  },
};

/** Where a worker serves what it is watched by. */
export interface HttpAddress {
  /** An IP address. */
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
}

export interface WatchSettings {
  readonly http: HttpAddress | undefined;
  /** True if bull-board is served there, too. */
  readonly board: boolean;
  readonly logFormat: LogFormat;
}

/** @throws ObError `USAGE`. */
export function readWatchSettings(args: Arguments): WatchSettings {
  const text = stringOption(args, "http");
  const http = text === undefined ? undefined : parseHttpAddress(text);
  const board = args["board"] === true;
  if (board && !http) {
    throw new ObError("USAGE", "--board needs --http, which says where it is served.", {
      hint: "For example --http=9464 --board; then look at http://localhost:9464/board/.",
    });
  }
  return { http, board, logFormat: enumOption(args, "log-format", logFormats) ?? "text" };
}

/** True for addresses that only this host reaches. */
export function isLoopbackAddress(host: string): boolean {
  return host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

function parseHttpAddress(text: string): HttpAddress {
  const match = /^(?:(?<v4>[\d.]+|localhost):|\[(?<v6>[\da-fA-F:.]+)\]:)?(?<port>\d{1,5})$/.exec(text);
  const { v4, v6, port } = match?.groups ?? {};
  const host = v4 === "localhost" ? "127.0.0.1" : (v4 ?? v6 ?? "127.0.0.1");
  if (match && isIP(host) !== 0 && Number(port) <= 65_535) return { host, port: Number(port) };
  throw new ObError("USAGE", `--http takes a port or ADDRESS:PORT, not ${JSON.stringify(text)}.`, {
    hint: "For example 9464, 10.0.0.5:9464 or [::1]:9464; 0.0.0.0:9464 is reached by all networks of the host.",
  });
}
