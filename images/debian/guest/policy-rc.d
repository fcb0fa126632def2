#!/bin/sh
# A build installs packages; it starts no daemons.
exit 101
