# Uses Windows' own tar, which reads sshd's pipe undamaged, as Cygwin's programs do not: none may be in between. To tar.exe `/`
# is the root of the drive that it is started on. Its
# standard input is binary (libarchive archive_read_open_fd.c); names are as libarchive's archive_write_disk_windows.c has them.
cd -- "$(PATH=/usr/bin:$PATH cygpath -S)" || exit 125
exec ./tar.exe -xf - -C /
