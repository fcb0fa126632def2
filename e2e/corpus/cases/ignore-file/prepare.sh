#!/bin/sh
mkdir -p .git _build/x docs/deep sub/_build
touch .git/HEAD _build/x/o a.swp sub/b.swp sub/_build/kept docs/draft docs/manual.md docs/manual.pdf docs/deep/page a.tmp ab.tmp '#not a comment'
