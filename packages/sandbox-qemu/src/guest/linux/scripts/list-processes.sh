# As root. Argument: the login user. Prints that user's login shell, all processes, and the maps of those that run a program.
. ../../posix/scripts/lib/show-login-shell.sh
show_login_shell "$1"
cd /proc || exit 125
echo "processes:" [0-9]*
programs=
for process in [0-9]*; do
  if [ -e "$process/exe" ]; then programs="$programs /proc/$process/maps"; fi
done
echo "programs:$programs"
