import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { disklabelTemplate } from "./install-conf.ts";
import { netboot, releasePath, sets, siteSet } from "./release.ts";

/** The directories that are served to the guest. */
export interface NetbootTree {
  /** Absolute path of the directory served over TFTP by QEMU's user network. */
  readonly tftp: string;
  /** Absolute path of the directory served over HTTP. */
  readonly http: string;
}

export interface NetbootFiles {
  /** Absolute paths of the release's files, by file name. */
  readonly release: ReadonlyMap<string, string>;
  /** The release's signed list of checksums. */
  readonly signedList: Uint8Array;
  readonly installConf: string;
  readonly siteSet: Uint8Array;
}

/** Sets the console to the first serial port, then loads the installer's kernel. */
const bootConf = `stty com0 115200\nset tty com0\nboot tftp:/${netboot.kernel}\n`;

/**
 * Writes the files that a machine without an operating system requests for an unattended netboot installation. By
 * TFTP: the boot loader, its configuration and the kernel. The boot loader's name `auto_install` makes the
 * installation unattended. By HTTP: the answers, the disk's layout and the sets.
 *
 * @param directory absolute path of an empty directory.
 */
export async function makeNetbootTree(directory: string, files: NetbootFiles): Promise<NetbootTree> {
  const [tftp, http] = [join(directory, "tftp"), join(directory, "http")];
  const mirror = join(http, releasePath);
  await mkdir(join(tftp, "etc"), { recursive: true });
  await mkdir(mirror, { recursive: true });
  const link = async (name: string, path: string): Promise<void> => {
    const file = files.release.get(name);
    if (file !== undefined) await symlink(file, path);
  };
  await link(netboot.loader, join(tftp, "auto_install"));
  await link(netboot.kernel, join(tftp, netboot.kernel));
  await writeFile(join(tftp, "etc/boot.conf"), bootConf);

  for (const name of sets) await link(name, join(mirror, name));
  await writeFile(join(mirror, "SHA256.sig"), files.signedList);
  await writeFile(join(mirror, siteSet), files.siteSet);
  await writeFile(join(mirror, "index.txt"), indexLine(siteSet, files.siteSet.length));
  await writeFile(join(http, "install.conf"), files.installConf);
  await writeFile(join(http, "disklabel"), disklabelTemplate);
  return { tftp, http };
}

/** A line as of `ls -l`: the installer parses the last word. All other sets' names are in the signed list. */
function indexLine(name: string, size: number): string {
  return `-rw-r--r--  1 root  wheel  ${size} Jan  1 00:00:00 1970 ${name}\n`;
}
