# "has_digest FILE DIGEST" succeeds if that is the file's sha256. Cygwin's sha256sum prints "DIGEST *-" for input that is no
# terminal, others "DIGEST  -": what O_BINARY is decides (coreutils src/digest.c main, digest_file, output_file).
has_digest() {
  sum=$(sha256sum <"$1")
  [ "${sum%% *}" = "$2" ]
}
