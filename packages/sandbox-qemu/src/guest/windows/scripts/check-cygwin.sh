# Succeeds if these programs are found, which exist only under Cygwin. Prints the ids of all processes, for
# kill-stray-processes.sh.
. ./lib/start.sh
. ./lib/tasks.sh
cygpath -S >/dev/null && sha256sum --version >/dev/null && command -v cmd >/dev/null || exit
# shellcheck disable=SC2119
while IFS='"' read -r _ _ _ process _; do
  case $process in '' | *[!0-9]*) ;; *) printf '%s ' "$process" ;; esac
done <<LIST
$(tasks)
LIST
