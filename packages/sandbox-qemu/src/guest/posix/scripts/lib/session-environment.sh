# Puts the variables that sshd gives to the user's sessions, those of ~/.ssh/environment, before the arguments, as OpenSSH's
# session.c read_environment_file. The user reads the file: root would follow any link. Its lines are reversed, since each is put
# before the others.
# shellcheck disable=SC2154
if [ -f "$home/.ssh/environment" ]; then
  session=$(run_as sed '1!G;h;$!d' "$home/.ssh/environment" </dev/null 2>/dev/null)
  while IFS= read -r variable; do
    case $variable in [A-Za-z_]*=*) set -- "$variable" "$@" ;; esac
  done <<SESSION
$session
SESSION
fi
