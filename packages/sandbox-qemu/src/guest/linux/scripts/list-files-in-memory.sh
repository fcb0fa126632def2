# As root. Arguments: the mounts in memory. Prints what a login changes, as collect-baseline.sh does: the mounts, and the files in
# memory.
grep -FHs '' /proc/self/mountinfo
find "$@" -xdev -exec stat -c 'stat: %f %u %g %t:%T %s %i %Y %Z %n' {} +
