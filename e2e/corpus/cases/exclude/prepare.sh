#!/bin/sh
mkdir -p .git/objects _build/default sub/_build sub/node_modules/m sub/deep
touch .git/HEAD _build/log sub/_build/log sub/node_modules/m/index.js sub/deep/.git kept sub/kept my_build
