# Arguments: the path of the junction, its parent directory (empty for the root of a drive), and the cache's drive.
#
# Cygwin gives cmd a word without a blank or a quote as it is. It would escape double quotes inside a word; cmd would then not
# find the path, and still exit with 0.
#
# A plain rmdir removes an old junction and not what it points to; only what still exists after that is a real directory.
# cmd's exit codes are not reliable, so a file that is visible through the junction proves that the junction works.
#
# Microsoft's reference of Windows commands: cmd (/d: no AutoRun of the registry, which programs set), rd, if, mkdir, mklink. Cygwin
# winsup/cygwin/winf.cc linebuf::fromargv for the words.
. ./lib/start.sh
exec </dev/null
cmd /d /c rmdir "$1" >/dev/null 2>&1
cmd /d /c if exist "$1" rmdir /s /q "$1" >/dev/null
[ -z "$2" ] || cmd /d /c if not exist "$2" mkdir "$2" </dev/null >/dev/null
cmd /d /c mklink /j "$1" "$3\\" >/dev/null
at=$(cygpath -u "$1") drive=$(cygpath -u "$3\\")
# shellcheck disable=SC3028
mark=.obuilder-$RANDOM$RANDOM
{ [ -d "$drive" ] && : >"${drive%/}/$mark"; } || fail "the guest has no drive $3"
[ -e "$at/$mark" ]
stands=$?
rm -f -- "${drive%/}/$mark"
[ $stands = 0 ] || fail "the junction at $1 does not lead to $3"
