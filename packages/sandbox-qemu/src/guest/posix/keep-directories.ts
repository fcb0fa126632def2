import type { ArchivedDirectory } from "@ob/core";

/**
 * The directories that an archive names, a line each and an empty one at the end: what `keep_directories` reads. A path
 * is from the guest's root, with a slash before it if the destination is in it; a line's end and a backslash are escaped.
 */
export function directoryLines(directories: readonly ArchivedDirectory[]): Buffer {
  const lines = directories.map(({ path, isParent }) => {
    const bytes = Buffer.from(path).toString("latin1");
    return `${isParent ? "/" : ""}${bytes.replaceAll("\\", String.raw`\0134`).replaceAll("\n", String.raw`\0012`)}\n`;
  });
  return Buffer.from(`${lines.join("")}\n`, "latin1");
}

/**
 * For a shell of Bourne's family, as root. Tar gives each directory that an archive names the archive's owner, mode and
 * time, and GNU's `--no-overwrite-dir` keeps two of these only. So `keep_directories` reads from standard input which ones an
 * archive names, not a byte more, refuses one around the destination that is something else, and has tar note what those that exist are like, the root too: where a link leads to
 * one, the one behind it. `unpacked STATUS` ends the script with that status, and if it is 0 everything is as noted.
 *
 * @param tar the program.
 */
export function keepDirectories(tar: string): string {
  return String.raw`
case $(${tar} --version 2>/dev/null) in *GNU*) gnu=1 noting='--format=posix --no-unquote' ;; *) gnu=0 noting= ;; esac
keep_directories() {
  for kept in /dev/shm /run /var/run /tmp; do [ ! -d "$kept" ] || break; done
  kept=$kept/obuilder-copy-$$ notes=0 missing=
  set -- ./
  while IFS= read -r name && [ -n "$name" ]; do
    case $name in *\\*) name=$(printf '%bx' "$name") name=${"${name%x}"} ;; esac
    at=${"${name#/}"}
    case $at/ in "$missing"/*) continue ;; esac
    if cd -P -- "/$at" 2>/dev/null; then
      set -- "$@" ".$PWD"
      [ $# -lt 100 ] || { note_directories "$@"; set --; }
    else
      case $name in
        /*) if [ -e "$name" ] || [ -L "$name" ]; then fail "$name is no directory"; fi ;;
      esac
      missing=$at
    fi
  done
  cd / || exit 125
  [ $# = 0 ] || note_directories "$@"
}
note_directories() {
  rm -rf -- "$kept-$notes"
  (umask 077 && exec ${tar} $noting --no-recursion -C / -cf "$kept-$notes" "$@" 2>/dev/null)
  [ $? -le $gnu ] || fail "the guest's tar cannot note what its directories are like"
  notes=$((notes + 1))
}
unpacked() {
  status=$1
  while [ $notes -gt 0 ]; do
    notes=$((notes - 1))
    [ "$status" != 0 ] || ${tar} -C / -xf "$kept-$notes" || status=$?
    rm -f -- "$kept-$notes"
  done
  exit "$status"
}`;
}
