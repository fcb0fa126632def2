export interface Mount {
  readonly id: string;
  /** As `major:minor`. */
  readonly device: string;
  readonly directory: string;
  readonly type: string;
  /** The line of /proc/self/mountinfo. */
  readonly text: string;
}

export interface FileStat {
  readonly path: string;
  /** With the bits of the file's type. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** As `major:minor`, in hexadecimal; `0:0` for a file that is not a device. */
  readonly device: string;
  readonly size: bigint;
  readonly inode: bigint;
  /** In seconds since 1970. */
  readonly modified: number;
  readonly changed: number;
}

/** ID PARENT DEVICE ROOT DIRECTORY OPTIONS [FIELD...] - TYPE SOURCE OPTIONS */
export function parseMount(text: string): Mount | undefined {
  const words = text.split(" ");
  const [id = "", , device = "", , directory = ""] = words;
  const separator = words.indexOf("-", 6);
  const type = words[separator + 1];
  const isWhole = separator > 0 && /^\d+$/.test(id) && /^\d+:\d+$/.test(device) && directory.startsWith("/");
  return isWhole && type !== undefined ? { id, device, directory, type, text } : undefined;
}

const statPattern =
  /^ ([0-9a-f]{1,8}) (\d{1,10}) (\d{1,10}) ([0-9a-f]+:[0-9a-f]+) (\d{1,20}) (\d{1,20}) (-?\d{1,15}) (-?\d{1,15}) (\/.*)$/;

/** MODE USER GROUP DEVICE SIZE INODE MODIFIED CHANGED PATH */
export function parseStat(text: string): FileStat | undefined {
  const match = statPattern.exec(text);
  if (!match) return undefined;
  const [, mode = "", uid, gid, device = "", size = "", inode = "", modified, changed, path = ""] = match;
  return {
    ...{ path, mode: Number.parseInt(mode, 16), uid: Number(uid), gid: Number(gid), device },
    ...{ size: BigInt(size), inode: BigInt(inode), modified: Number(modified), changed: Number(changed) },
  };
}
