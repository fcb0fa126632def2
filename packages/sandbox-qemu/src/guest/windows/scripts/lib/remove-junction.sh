# "remove_junction PATH" uses plain rmdir, which removes the junction but nothing behind it. Then the directory must be gone.
remove_junction() {
  cmd /d /c rmdir "$1" </dev/null >/dev/null
  at=$(cygpath -u "$1")
  [ ! -e "$at" ] && [ ! -L "$at" ] || fail "the junction at $1 cannot be removed"
}
