import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { disposableWith } from "@ob/core";

/** A span, as OTLP in JSON has it. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number };
  /** `service.name` of its resource. */
  readonly service: string;
}

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string };
}

interface ExportRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly Omit<ReceivedSpan, "service">[] }[];
  }[];
}

/** A collector of OTLP over HTTP, in JSON. */
export interface OtlpReceiver extends AsyncDisposable {
  readonly url: string;
  readonly spans: ReceivedSpan[];
  /** The requests in another format, by their content types. */
  readonly others: string[];
}

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  await using stack = new AsyncDisposableStack();
  const [spans, others]: [ReceivedSpan[], string[]] = [[], []];
  const receive = async (request: IncomingMessage) => {
    const body = await text(request);
    const type = request.headers["content-type"] ?? "";
    if (type !== "application/json") others.push(`${request.url} ${type}`);
    else if (request.url === "/v1/traces") spans.push(...spansOf(JSON.parse(body)));
  };
  const server = createServer((request, response) => {
    const answer = () => response.writeHead(200, { "content-type": "application/json" }).end("{}");
    void receive(request).then(answer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stack.defer(async () => {
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  });
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  return disposableWith({ url: `http://127.0.0.1:${port}`, spans, others }, stack);
}

function spansOf({ resourceSpans }: ExportRequest): readonly ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = resource.attributes.find(({ key }) => key === "service.name")?.value.stringValue ?? "";
    return scopeSpans.flatMap((scope) => scope.spans.map((span) => ({ ...span, service })));
  });
}
