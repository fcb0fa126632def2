# "tasks [FILTER …]" lists Windows' processes, one a line: "bash.exe","4712","Services","0","9,320 K". These are the fields of
# `tasklist` in every language, without /v; if none matches, it prints a sentence instead (Microsoft's reference of Windows
# commands: tasklist, taskkill).
tasks() { "$(cygpath -S)/tasklist.exe" /fo csv /nh "$@" </dev/null 2>/dev/null; }
