import { quoteWord, quoteWords } from "../../ssh/quote/posix.ts";
import { fail } from "../posix/scripts.generated.ts";
import { prepareDisksLine } from "./prepare-disks.ts";
import { type ArchiveOptions, exitDeviceMissing } from "../profile.ts";
import { drivePath, driveOf, parentPath } from "./paths.ts";
import * as fixed from "./scripts.generated.ts";

/**
 * What runs in a Windows guest, for Cygwin's bash. A system's PATH need not have Cygwin's programs first: `sort` and
 * `find` are other ones in System32.
 */
const start = `PATH=/usr/bin:$PATH
${fail}`;

/** Only a bash of Cygwin has these. */
export const ready = `${start}
cygpath -S >/dev/null && sha256sum --version >/dev/null && command -v cmd >/dev/null`;

export function prepareCacheDisks(formatted: readonly boolean[]): string {
  return `${start}\n${prepareDisksLine(formatted)}`;
}

/**
 * Single quotes around a path: bash takes them away, and cmd sees the bare path. With double quotes inside a word,
 * Cygwin would escape them, cmd would find no such path, and say 0.
 *
 * A plain rmdir takes an old junction away and leaves what is behind it; only what still exists is a real directory.
 * cmd's exit codes say little, so that a file that is seen through the junction is the proof that it stands.
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

/** rmdir alone: it removes the junction and nothing behind it. Then the directory must be gone. */
export function removeJunction(path: string): string {
  return `cmd /c rmdir '${path}' </dev/null >/dev/null
at=$(cygpath -u '${path}')
[ ! -e "$at" ] && [ ! -L "$at" ] || fail ${quoteWord(`the junction at ${path} cannot be removed`)}`;
}

/** Where a secret of that index keeps what is needed to take it away again. */
const note = (index: number): string => `/tmp/.obuilder-secret-${index}`;

/**
 * Standard input: the secret in base64 and its sha256, a line each: what Cygwin's programs read from Windows' sshd has
 * been seen damaged. NTFS keeps small files among its records, and journals those: the file is made larger first, so
 * that the secret lies in a cluster of its own, which can be overwritten.
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

/** The machine's SKU number, which Windows has read from SMBIOS at its start. */
export const showIdentity = String.raw`${start}
exec "$(cygpath -S)/reg.exe" query 'HKLM\HARDWARE\DESCRIPTION\System\BIOS' /v SystemSKU </dev/null 2>/dev/null`;

/** Zeros first: what NTFS calls removed is still on the disk. */
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

/** `words` are the variables and then the program. What the step's own PATH finds first is left to it. */
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
 * Windows' own tar, which reads sshd's pipe undamaged where Cygwin's programs do not: nothing may stand between. It
 * takes `/` for the root of the drive that it is started on.
 */
export const unpack = `cd -- "$(PATH=/usr/bin:$PATH cygpath -S)" || exit 125
exec ./tar.exe -xf - -C /`;

/**
 * Unpacks files of the disc that has them all, whatever letter Windows gave to its drive. A drive needs some seconds for
 * a disc that has just come. tar.exe reads the disc by itself: no program of Cygwin's stands between.
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

/** Compares what lies on the disk with a list in sha256sum's form, at the root of the system drive. */
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

/** Cygwin's sync has every volume flushed. */
export const flush = `${start}
sync`;

/** For Cygwin's bash. */
export function readArchive(path: string, { followLink = false }: ArchiveOptions = {}): string {
  const follow = followLink ? "yes" : "no";
  return `path=${quoteWord(drivePath(path))} follow=${follow}\n${fixed.readArchive}`;
}
