# "reseed" reads a seed from standard input, hexadecimal, on one line. It succeeds if the kernel's random number generator has taken it
# and draws from it from now on: writing to /dev/urandom does not do that before the next minute. Root only. The ioctls are those of
# include/uapi/linux/random.h, RNDADDENTROPY and RNDRESEEDCRNG (Linux 4.17 and later); their numbers are made of other bits on POWER
# and MIPS (arch/*/include/uapi/asm/ioctl.h).
. ../../../posix/scripts/fail.sh
reseed() {
  add=0x40085203 draw=0x5207
  case $(uname -m) in ppc* | mips*) add=0x80085203 draw=0x20005207 ;; esac
  if command -v perl >/dev/null; then
    perl -e '@./reseed.pl@' $add $draw
    return
  fi
  for python in python3 /usr/libexec/platform-python; do
    command -v $python >/dev/null || continue
    $python -c '@./reseed.py@' $add $draw
    return
  done
  fail "its random numbers cannot be renewed: neither perl nor python3 is installed"
}
