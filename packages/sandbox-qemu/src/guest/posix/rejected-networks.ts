/**
 * The networks that a guest without a network rejects connections to: all addresses, in halves so that they precede any default
 * route; and of slirp's own networks the name servers. 10.0.2.2 is left out: SSH comes from there.
 */
export const rejectedNetworks: readonly string[] = [
  "0.0.0.0/1",
  "128.0.0.0/1",
  "10.0.2.3/32",
  "::/1",
  "8000::/1",
  "fec0::/64",
];
