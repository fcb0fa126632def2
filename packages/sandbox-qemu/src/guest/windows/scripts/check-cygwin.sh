# Succeeds if these programs are found, which exist only under Cygwin.
. ./lib/start.sh
cygpath -S >/dev/null && sha256sum --version >/dev/null && command -v cmd >/dev/null
