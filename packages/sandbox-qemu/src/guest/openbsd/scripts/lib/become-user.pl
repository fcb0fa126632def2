# doas takes only users who have an account; perl is in the base system and takes any. Arguments: uid, gid, all groups, program
# and its arguments. The saved ids stay root's until exec sets them (perl pp_hot.c pp_aassign: setresuid with -1; openbsd/src
# sys/kern/kern_exec.c sys_execve). A program that is started with such ids ignores LD_LIBRARY_PATH and the like: a step's is
# started by env. `$)` takes the effective gid, then all groups (perl mg.c Perl_magic_set).
my ($uid, $gid, $groups) = splice @ARGV, 0, 3;
$( = $gid; $) = "$gid $groups"; ($<, $>) = ($uid, $uid);
$< == $uid && $> == $uid or die "obuilder: cannot become the user $uid\n";
exec { $ARGV[0] } @ARGV or die "obuilder: $ARGV[0]: $!\n";
