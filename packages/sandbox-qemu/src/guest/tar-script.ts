import type { ArchiveOptions } from "./profile.ts";

/** The status if nothing is at the path. */
export const exitNotFound = 66;

/**
 * For a shell of Bourne's family, as root. Arguments: the path, then base names to leave out. A directory's contents
 * are packed from inside of it, so that a name that is left out cannot hit the directory itself. GNU tar says 1 where a
 * file has changed while it was read, as logs do; whoever else says 1 has failed.
 *
 * @param tar a program and its first words.
 */
export function tarScript(tar: string, options: ArchiveOptions = {}): string {
  const { isTree, isThere, tarFlag } = pathTests(options);
  return `fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
path=$1
shift
flag=
if ${isTree}; then
  cd -- "$path" || fail "cannot enter $path"
  item=.
elif ${isThere}; then
  cd -- "\${path%/*}/" || fail "cannot enter \${path%/*}/"
  item=./\${path##*/}
  flag=${tarFlag}
  set --
else
  exit ${exitNotFound}
fi
case $(${tar} --version 2>/dev/null) in
  *GNU*) gnu=1 ;;
  *) gnu=0 ;;
esac
for name; do
  [ $gnu = 0 ] || set -- "$@" "--exclude=$name"
  shift
done
[ $gnu = 0 ] || set -- --format=gnu --one-file-system --no-wildcards "$@"
${tar} "$@" -cf - $flag "$item"
status=$?
[ $status -le $gnu ] || exit $status`;
}

/** What decides, for a shell of Bourne's family, how `$path` is packed. */
export interface PathTests {
  readonly isTree: string;
  readonly isThere: string;
  /** What tar is told for anything but a directory: of a directory it would follow every link in it. */
  readonly tarFlag: "" | "-h";
}

export function pathTests({ followLink = false }: ArchiveOptions = {}): PathTests {
  // A link that leads nowhere is something only where it is not followed.
  return followLink
    ? { isTree: '[ -d "$path" ]', isThere: '[ -e "$path" ]', tarFlag: "-h" }
    : {
        isTree: '[ -d "$path" ] && [ ! -L "$path" ]',
        isThere: '[ -e "$path" ] || [ -L "$path" ]',
        tarFlag: "",
      };
}
