/** What differs between releases of Debian. */
export interface Release {
  readonly version: string;
  readonly suite: string;
  /** The version of its package ocaml. */
  readonly ocaml: string;
  /** Packages beyond those of every release. */
  readonly packages: readonly string[];
  readonly sshd: {
    /** How the server is started. */
    readonly command: string;
    /** More lines of its configuration. */
    readonly config: string;
  };
}

export const bookworm: Release = {
  version: "12",
  suite: "bookworm",
  ocaml: "4.13.1",
  packages: ["usr-is-merged"],
  // -r: no new program for each connection, which saves its start-up time under emulation.
  sshd: { command: "/usr/sbin/sshd -r", config: "" },
};

export const trixie: Release = {
  version: "13",
  suite: "trixie",
  ocaml: "5.3.0",
  // In the place of systemd, which openssh-server takes otherwise.
  packages: ["systemd-standalone-sysusers"],
  sshd: {
    command: "/usr/sbin/sshd",
    // Else it shuts out who hangs up before a login, and so everyone who asks whether it is there yet.
    config: "PerSourcePenalties no\n",
  },
};

/** Debian's own compiler, its library manager, and opam; what these need to build something comes with them. */
export const ocamlPackages = ["ocaml", "ocaml-findlib", "opam"] as const;
