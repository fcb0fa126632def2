#!/bin/sh
mkdir -p src/deep/fixtures
touch src/main.c src/run.log src/deep/er.log src/deep/er.c src/deep/fixtures/f
