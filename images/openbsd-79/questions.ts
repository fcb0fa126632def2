/** A question of OpenBSD's installer. */
export interface InstallerQuestion {
  /** The question's text for the machine and the answers of this recipe. */
  readonly text: string;
  /** The default if the response file has no answer; without a default the installation fails. */
  readonly default?: string | undefined;
  /** The function that asks, in distrib/miniroot/install.sub or distrib/amd64/common/install.md. */
  readonly source: string;
  /** The condition under which it is asked; by default always. */
  readonly when?: string | undefined;
}

/**
 * The questions of the amd64 installer, in order, for an unattended installation over HTTP on a machine with one
 * virtio network card, two virtio disks and a serial console, and a login user named `opam`.
 *
 * Source, read in November 2026: distrib/miniroot/install.sub and distrib/amd64/common/install.md (OpenBSD's revision
 * 1.67 of 2026-09-19, after 7.9) in IABSD, a fork that changes names only. 7.9's own copies were not available.
 */
export const installerQuestions: readonly InstallerQuestion[] = [
  { text: "Terminal type?", default: "vt220", source: "set_term", when: "the console is serial" },
  { text: "System hostname? (short form, e.g. 'foo')", source: "do_install" },
  {
    text: "Network interface to configure? (name, lladdr, '?', or 'done')",
    default: "vio0",
    source: "configure_ifs",
  },
  { text: "IPv4 address for vio0? (or 'autoconf' or 'none')", default: "autoconf", source: "v4_config" },
  { text: "IPv6 address for vio0? (or 'autoconf' or 'none')", default: "autoconf", source: "v6_config" },
  {
    text: "Network interface to configure? (name, lladdr, '?', or 'done')",
    default: "done",
    source: "configure_ifs",
  },
  {
    text: "IPv6 default router? (IPv6 address or 'none')",
    default: "none",
    source: "v6_defroute",
    when: "IPv6",
  },
  {
    text: "DNS domain name? (e.g. 'example.com')",
    default: "my.domain",
    source: "donetconfig",
    when: "DHCP gives none",
  },
  {
    text: "DNS nameservers? (IP address list or 'none')",
    default: "none",
    source: "donetconfig",
    when: "DHCP gives none",
  },
  { text: "Password for root account?", source: "do_install" },
  { text: "Public ssh key for root account?", default: "none", source: "do_install" },
  { text: "Start sshd(8) by default?", default: "yes", source: "questions" },
  {
    text: "Do you expect to run the X Window System?",
    default: "yes",
    source: "questions",
    when: "there is a display",
  },
  {
    text: "Do you want the X Window System to be started by xenodm(1)?",
    default: "no",
    source: "questions",
    when: "there is a display",
  },
  { text: "Change the default console to com0?", default: "yes", source: "questions" },
  { text: "Which speed should com0 use?", default: "115200", source: "questions" },
  { text: "Setup a user? (enter a lower-case loginname, or 'no')", default: "no", source: "user_setup" },
  { text: "Full name for user opam?", default: "opam", source: "user_setup" },
  { text: "Password for user opam?", source: "user_setup" },
  { text: "Public ssh key for user opam", default: "none", source: "user_setup" },
  { text: "Allow root ssh login? (yes, no, prohibit-password)", default: "no", source: "ask_root_sshd" },
  { text: "Which disk is the root disk? ('?' for details)", default: "sd0", source: "get_rootinfo" },
  {
    text: "Encrypt the root disk with a (p)assphrase or (k)eydisk?",
    default: "no",
    source: "encrypt_root",
  },
  {
    text: "Use (W)hole disk MBR, whole disk (G)PT or (E)dit?",
    default: "whole",
    source: "md_prep_fdisk",
  },
  {
    text: "URL to autopartitioning template for disklabel?",
    default: "none",
    source: "disklabel_autolayout",
  },
  { text: "Which disk do you wish to initialize?", default: "done", source: "do_install" },
  { text: "Location of sets? (disk http or 'done')", default: "http", source: "install_sets" },
  {
    text: "HTTP proxy URL? (e.g. 'http://proxy:8080', or 'none')",
    default: "none",
    source: "install_http",
  },
  { text: "HTTP Server? (hostname or 'done')", source: "install_http" },
  { text: "Server directory?", default: "pub/OpenBSD/7.9/amd64", source: "install_http" },
  { text: "Set name(s)? (or 'abort' or 'done')", default: "done", source: "select_sets" },
  { text: "Set name(s)? (or 'abort' or 'done')", default: "done", source: "select_sets" },
  {
    text: "Checksum test for site79-obuilder.tgz failed. Continue anyway?",
    default: "no",
    source: "install_files",
  },
  {
    text: "Unverified sets: site79-obuilder.tgz. Continue without verification?",
    default: "no",
    source: "install_files",
  },
  { text: "Location of sets? (disk http or 'done')", default: "done", source: "install_sets" },
  { text: "What timezone are you in? ('?' for list)", source: "set_timezone" },
  {
    text: "Time appears wrong.  Set to 'Mon Nov 23 23:00:00 UTC 2026'?",
    default: "yes",
    source: "do_install",
    when: "OpenBSD's own server can be reached",
  },
];
