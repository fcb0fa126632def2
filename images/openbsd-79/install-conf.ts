import { hostname, releasePath, siteSet, unwantedSets } from "./release.ts";

/** The host's address in the guest's network. */
const host = "http://10.0.2.2";

export interface InstallConfOptions {
  readonly user: string;
  /** A line of `authorized_keys`. */
  readonly publicKey: string;
}

/**
 * Thirteen asterisks mean that no password login is possible; security(8) takes them as a sign that keys are used.
 */
const noPassword = "*".repeat(13);

/**
 * The answers to the installer's questions, for autoinstall(8): a part of the question, word for word, and the
 * answer. The questions are in `questions.ts`.
 */
export function installConf({ user, publicKey }: InstallConfOptions): string {
  const answers: readonly (readonly [question: string, answer: string])[] = [
    ["System hostname", hostname],
    ["IPv4 address for vio0", "autoconf"],
    ["IPv6 address for vio0", "none"],
    ["Password for root account", noPassword],
    ["Public ssh key for root account", "none"],
    ["Start sshd(8) by default", "yes"],
    ["Do you expect to run the X Window System", "no"],
    ["Do you want the X Window System to be started by xenodm(1)", "no"],
    ["Change the default console to com0", "yes"],
    ["Which speed should com0 use", "115200"],
    ["Setup a user", user],
    [`Full name for user ${user}`, "OBuilder"],
    [`Password for user ${user}`, noPassword],
    [`Public ssh key for user ${user}`, publicKey],
    ["Allow root ssh login", "no"],
    ["Which disk is the root disk", "sd0"],
    ["Encrypt the root disk with a (p)assphrase or (k)eydisk", "no"],
    ["Use (W)hole disk MBR, whole disk (G)PT", "whole"],
    ["URL to autopartitioning template for disklabel", `${host}/disklabel`],
    ["Location of sets", "http"],
    ["HTTP proxy URL", "none"],
    // With an explicit protocol the installer does not try another one first.
    ["HTTP Server", host],
    ["Server directory", releasePath],
    ["Set name(s)", unwantedSets.map((set) => `-${set}*`).join(" ")],
    // Our own set cannot be in the release's signed list. The installer verifies all others too.
    [`Checksum test for ${siteSet} failed. Continue anyway`, "yes"],
    [`Unverified sets: ${siteSet}. Continue without verification`, "yes"],
    ["What timezone are you in", "UTC"],
  ];
  return answers.map(([question, answer]) => `${question} = ${answer}\n`).join("");
}

/**
 * The template of disklabel(8): a single file system, so that no partition fills up while others are empty. Its lines are a mount
 * point, a range of sizes and a percentage (openbsd/src sbin/disklabel/editor.c parse_autotable), which add up to 100 at most.
 */
export const disklabelTemplate = "/\t4G-*\t95%\nswap\t1G-2G\t5%\n";
