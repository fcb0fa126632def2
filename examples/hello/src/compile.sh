#!/bin/sh
# Compiles greetings.tsv into code and puts it with hello.awk into one program, `hello`, that needs no other file.
set -eu
{
  echo '#!/usr/bin/awk -f'
  awk -F '\t' '
    function quoted(text) { gsub(/[\\"]/, "\\\\&", text); return "\"" text "\"" }
    BEGIN { print "function greetings() {" }
    NF != 2 { print FILENAME ":" FNR ": not two columns" > "/dev/stderr"; exit 1 }
    { printf "  order[%d] = %s; greeting[%s] = %s\n", FNR, quoted($1), quoted($1), quoted($2) }
    END { print "  return " FNR "\n}" }
  ' greetings.tsv
  cat hello.awk
} >hello.new
chmod 755 hello.new
mv hello.new hello
echo "compiled hello: $(grep -c . greetings.tsv) languages, $(wc -c <hello) bytes"
