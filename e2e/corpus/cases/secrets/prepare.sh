#!/bin/sh
# Secrets are files of the host.
printf 'a token that nobody can guess' > corpus-token
seq 1 500 > corpus-key
