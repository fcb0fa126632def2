# Arguments: the working directory, the variables, and then the program with its arguments. Programs are found by the step's
# own PATH.
directory=$(PATH=/usr/bin:$PATH cygpath -u "$1")
shift
cd -- "$directory" 2>/dev/null || {
  PATH=/usr/bin:$PATH mkdir -p -- "$directory"
  cd -- "$directory" || { printf 'obuilder: cannot enter %s\n' "$directory" >&2; exit 125; }
}
unset directory OLDPWD
exec /usr/bin/env -u SSH_CLIENT -u SSH_CONNECTION -u SSH_TTY "$@" </dev/null
