/** What programs print when a host name cannot be resolved: apt, curl, git, ssh, wget, pip, npm, Go, Java, BSD, Windows. */
const failures = new RegExp(
  [
    "temporary failure (?:in name resolution|resolving)",
    "could ?n[o']t resolve",
    "unable to resolve host",
    "name or service not known",
    "(?:nodename nor servname provided|no address associated with)",
    "wget: bad address",
    "getaddrinfo (?:EAI_AGAIN|ENOTFOUND)",
    "no such host",
    "failed to lookup address information",
    "UnknownHostException",
    "dns(?: lookup error|: transient error)",
    "remote name could not be resolved",
  ].join("|"),
  "i",
);

/** Longer than any of them, since output comes in pieces. */
const carried = 80;

/** Looks in the output of a step for a host name that could not be resolved. */
export class FailedLookups {
  #end = "";
  #found = false;

  get found(): boolean {
    return this.#found;
  }

  push(bytes: Uint8Array): void {
    if (this.#found) return;
    const text = this.#end + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
    this.#found = failures.test(text);
    this.#end = text.slice(-carried);
  }
}
