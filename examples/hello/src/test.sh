#!/bin/sh
# Tests the compiled program.
set -u
tests=0 failures=0

check() { # NAME EXPECTED ACTUAL
  tests=$((tests + 1))
  if [ "$2" = "$3" ]; then
    echo "ok $tests - $1"
  else
    failures=$((failures + 1))
    printf 'not ok %s - %s\n  expected: %s\n  got:      %s\n' "$tests" "$1" "$2" "$3"
  fi
}

check "greets in one language" "Hello, world!" "$(./hello en)"
check "greets in several, in their order" "$(printf 'Ahoj, světe!\nHallo, Welt!')" "$(./hello cs de)"
check "greets in all of them" "$(wc -l <greetings.tsv)" "$(./hello | wc -l)"
check "keeps every character" "$(cut -f 2 greetings.tsv)" "$(./hello | sed 's/^[^:]*: //')"
check "says what it does not know" "hello: nobody taught me xx" "$(./hello xx 2>&1)"
./hello xx 2>/dev/null
check "fails then" 1 $?

echo "$tests tests, $failures failures"
[ "$failures" = 0 ]
