/** The differences between releases of Debian. */
export interface Release {
  readonly version: string;
  readonly suite: string;
  /** The version of the release's package `ocaml`. */
  readonly ocaml: string;
  /** Packages in addition to those of every release. */
  readonly packages: readonly string[];
  readonly sshd: {
    /** The command that starts the SSH server. */
    readonly command: string;
    /** Additional lines of its configuration. */
    readonly config: string;
  };
}

export const bookworm: Release = {
  version: "12",
  suite: "bookworm",
  ocaml: "4.13.1",
  packages: ["usr-is-merged"],
  // -r: do not execute sshd again for each connection, which saves its start-up time under TCG.
  sshd: { command: "/usr/sbin/sshd -r", config: "" },
};

export const trixie: Release = {
  version: "13",
  suite: "trixie",
  ocaml: "5.3.0",
  // Instead of systemd, which openssh-server depends on otherwise.
  packages: ["systemd-standalone-sysusers"],
  sshd: {
    command: "/usr/sbin/sshd",
    // Otherwise sshd blocks clients that disconnect before a login, and so every probe whether it is ready.
    config: "PerSourcePenalties no\n",
  },
};

/** Debian's OCaml compiler, its library manager and opam. Their dependencies include what they need to build packages. */
export const ocamlPackages = ["ocaml", "ocaml-findlib", "opam"] as const;
