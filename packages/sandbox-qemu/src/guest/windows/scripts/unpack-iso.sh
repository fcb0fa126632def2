# Arguments: archives on the CD-ROM that has them all, whichever drive letter Windows gave to it. A drive needs some seconds to
# detect an inserted disc. Exits with 124 if none appears. tar.exe reads the disc itself, without a program of Cygwin's in between.
. ./lib/start.sh
exec </dev/null
drives=$(cygpath -u "d:\\")
drives=${drives%/}
drives=${drives%d}
tries=0 disc=
until [ -n "$disc" ]; do
  for letter in d e f g h i j k l m n o p q r s t u v w x y z; do
    disc=$drives$letter
    for name; do [ -f "$disc/$name" ] || { disc= && break; }; done
    [ -z "$disc" ] || break
  done
  [ -n "$disc" ] || {
    tries=$((tries + 1))
    [ $tries -le 300 ] || exit 124
    sleep 0.2
  }
done
cd -- "$(cygpath -S)" || exit 125
# A tar.exe that cannot make links unpacks all the rest and ends with 1.
status=0
for name; do
  ./tar.exe -xf "$(cygpath -w "$disc/$name")" -C / || status=$?
  [ $status -le 1 ] || exit $status
done
exit $status
