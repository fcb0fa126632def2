# Uses Windows' own tar, which reads sshd's pipe undamaged, as Cygwin's programs do not: none may be in between. To tar.exe `/`
# is the root of the drive that it is started on.
cd -- "$(PATH=/usr/bin:$PATH cygpath -S)" || exit 125
exec ./tar.exe -xf - -C /
