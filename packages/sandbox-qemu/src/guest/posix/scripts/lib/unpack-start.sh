# $keep: the options with which tar follows links to directories that the archive has as directories. Other tars than GNU's do
# so by themselves. $tar: the program.
. ../fail.sh
. ../keep-directories.sh
keep=
[ $gnu = 0 ] || keep=--keep-directory-symlink
