import { quoteWord, quoteWords } from "../../ssh/quote/posix.ts";
import { fail } from "../posix/scripts.generated.ts";
import { prepareDisksLine } from "./prepare-disks.ts";
import { type ArchiveOptions, exitDeviceMissing } from "../profile.ts";
import { drivePath, driveOf, parentPath } from "./paths.ts";
import * as fixed from "./scripts.generated.ts";

/**
 * The start of each script in a Windows guest, for Cygwin's bash. The system's PATH need not list Cygwin's programs
 * first: System32 has a different `sort` and `find`.
 */
const start = `PATH=/usr/bin:$PATH
${fail}`;

/** These programs exist only under Cygwin. */
export const ready = `${start}
cygpath -S >/dev/null && sha256sum --version >/dev/null && command -v cmd >/dev/null`;

export function prepareCacheDisks(formatted: readonly boolean[]): string {
  return `${start}\n${prepareDisksLine(formatted)}`;
}

/**
 * A path is in single quotes: bash removes them, and cmd gets the bare path. Cygwin would escape double quotes inside a
 * word; cmd would then not find the path, and still exit with 0.
 *
 * A plain rmdir removes an old junction and not what it points to; only what still exists after that is a real directory.
 * cmd's exit codes are not reliable, so a file that is visible through the junction proves that the junction works.
 */
export function makeJunction(path: string, index: number): string {
  const [at, drive] = [`'${path}'`, driveOf(index)];
  const parent = parentPath(path);
  const makeParent =
    parent === undefined ? "" : `cmd /c if not exist '${parent}' mkdir '${parent}' </dev/null >/dev/null\n`;
  return `${start}
exec </dev/null
cmd /c rmdir ${at} >/dev/null 2>&1
cmd /c if exist ${at} rmdir /s /q ${at} >/dev/null
${makeParent}cmd /c mklink /j ${at} '${drive}\\' >/dev/null
at=$(cygpath -u ${at}) drive=$(cygpath -u '${drive}\\')
mark=.obuilder-$RANDOM$RANDOM
[ -d "$drive" ] && : >"\${drive%/}/$mark" || fail 'the guest has no drive ${drive}'
[ -e "$at/$mark" ]
stands=$?
rm -f -- "\${drive%/}/$mark"
[ $stands = 0 ] || fail ${quoteWord(`the junction at ${path} does not lead to ${drive}`)}`;
}

/** Uses plain rmdir, which removes the junction but nothing behind it. Then the directory must be gone. */
export function removeJunction(path: string): string {
  return `cmd /c rmdir '${path}' </dev/null >/dev/null
at=$(cygpath -u '${path}')
[ ! -e "$at" ] && [ ! -L "$at" ] || fail ${quoteWord(`the junction at ${path} cannot be removed`)}`;
}

/** The file that stores what is needed to remove the secret with that index. */
const note = (index: number): string => `/tmp/.obuilder-secret-${index}`;

/**
 * Standard input is the secret in base64 and then its sha256, one line each, since Cygwin's programs have been observed
 * to read damaged input from Windows' sshd. NTFS stores small files in its file records, and journals those. The file is
 * made larger first, so that the secret is in a cluster of its own, which can be overwritten.
 */
export function putSecret(
  secret: { target: string; size: number; index: number },
  loginUser: string,
): string {
  const { target, size, index } = secret;
  const room = Math.max(64, Math.ceil(size / 1024));
  return `${start}
IFS= read -r text
IFS= read -r digest
exec </dev/null
target=$(cygpath -u ${quoteWord(target)})
[ ! -d "$target" ] || fail "$target is a directory"
parents=0 parent=\${target%/*}
while [ -n "$parent" ] && [ ! -e "$parent" ]; do
  parents=$((parents + 1)) parent=\${parent%/*}
done
mkdir -p -- "\${target%/*}" && echo $parents >${note(index)} || exit 125
if [ -e "$target" ] || [ -L "$target" ]; then mv -- "$target" "$target.obuilder-kept" || exit 125; fi
dd if=/dev/zero of="$target" bs=1024 count=${room} 2>/dev/null || exit 125
icacls "$(cygpath -w "$target")" /inheritance:r /grant:r ${quoteWord(`${loginUser}:F`)} >/dev/null || fail "cannot restrict $target"
printf %s "$text" | base64 -d | dd of="$target" bs=1024 conv=notrunc 2>/dev/null
truncate -s ${size} -- "$target"
[ "$(sha256sum <"$target")" = "$digest  -" ] || fail 'a secret did not arrive as it was sent'`;
}

/** Prints the machine's SKU number, which Windows reads from SMBIOS when it boots. */
export const showIdentity = String.raw`${start}
exec "$(cygpath -S)/reg.exe" query 'HKLM\HARDWARE\DESCRIPTION\System\BIOS' /v SystemSKU </dev/null 2>/dev/null`;

/** Overwrites the file with zeros first: NTFS keeps the data of a removed file on the disk. */
export function removeSecret(target: string, index: number): string {
  return `target=$(cygpath -u ${quoteWord(target)})
if [ -f "$target" ]; then
  size=$(stat -c %s -- "$target")
  dd if=/dev/zero of="$target" bs=1024 count=$(((size + 1023) / 1024)) conv=notrunc,fsync 2>/dev/null || exit 125
fi
rm -f -- "$target" || fail "cannot remove the secret at $target"
if [ -e "$target.obuilder-kept" ] || [ -L "$target.obuilder-kept" ]; then
  mv -- "$target.obuilder-kept" "$target" || exit 125
fi
read -r parents <${note(index)}
rm -f ${note(index)}
directory=\${target%/*}
while [ "$parents" -gt 0 ] && rmdir -- "$directory" 2>/dev/null; do
  parents=$((parents - 1)) directory=\${directory%/*}
done`;
}

export function unmountAll(parts: readonly string[]): string {
  return [start, ...parts].join("\n");
}

/** `words` are the variables and then the program. Programs are found by the step's own PATH. */
export function run(directory: string, words: readonly string[]): string {
  return `directory=$(PATH=/usr/bin:$PATH cygpath -u ${quoteWord(directory)})
cd -- "$directory" 2>/dev/null || {
  PATH=/usr/bin:$PATH mkdir -p -- "$directory"
  cd -- "$directory" || { printf 'obuilder: cannot enter %s\\n' "$directory" >&2; exit 125; }
}
unset directory OLDPWD
exec /usr/bin/env -u SSH_CLIENT -u SSH_CONNECTION -u SSH_TTY ${quoteWords(words)} </dev/null`;
}

/**
 * Uses Windows' own tar, which reads sshd's pipe undamaged, as Cygwin's programs do not: none may be in between. To
 * tar.exe `/` is the root of the drive that it is started on.
 */
export const unpack = `cd -- "$(PATH=/usr/bin:$PATH cygpath -S)" || exit 125
exec ./tar.exe -xf - -C /`;

/**
 * Unpacks archives from the CD-ROM that has them all, whichever drive letter Windows gave to it. A drive needs some
 * seconds to detect an inserted disc. tar.exe reads the disc itself, without a program of Cygwin's in between.
 */
export function unpackDisc(files: readonly string[]): string {
  const names = quoteWords(files);
  return `${start}
exec </dev/null
drives=$(cygpath -u 'd:\\')
drives=\${drives%/}
drives=\${drives%d}
tries=0 disc=
until [ -n "$disc" ]; do
  for drive in "$drives"{d..z}; do
    disc=$drive
    for name in ${names}; do [ -f "$drive/$name" ] || disc=; done
    [ -z "$disc" ] || break
  done
  [ -n "$disc" ] || {
    tries=$((tries + 1))
    [ $tries -le 300 ] || exit ${exitDeviceMissing}
    sleep 0.2
  }
done
cd -- "$(cygpath -S)" || exit 125
for name in ${names}; do ./tar.exe -xf "$(cygpath -w "$disc/$name")" -C / || exit; done`;
}

/** Verifies the files with a list in the format of sha256sum, which is at the root of the system drive. */
export function checkCopy(list: string, digest: string): string {
  return `${start}
exec </dev/null
system=$(cygpath -w -S)
cd -- "$(cygpath -u "\${system%%\\\\*}\\\\")" || exit 125
[ "$(sha256sum <${quoteWord(list)})" = '${digest}  -' ] || fail 'the list of what was sent did not arrive'
LC_ALL=C.UTF-8 sha256sum --check --quiet --strict -- ${quoteWord(list)} >&2
same=$?
rm -f -- ${quoteWord(list)}
[ $same = 0 ] || fail 'files did not arrive as they were sent'`;
}

/** Cygwin's sync flushes all volumes. */
export const flush = `${start}
sync`;

/** A script for Cygwin's bash. */
export function readArchive(path: string, { followLink = false }: ArchiveOptions = {}): string {
  const follow = followLink ? "yes" : "no";
  return `path=${quoteWord(drivePath(path))} follow=${follow}\n${fixed.readArchive}`;
}
