# doas takes only users who have an account; perl is in the base system and takes any. Arguments: uid, gid, all groups, program
# and its arguments.
my ($uid, $gid, $groups) = splice @ARGV, 0, 3;
$( = $gid; $) = "$gid $groups"; ($<, $>) = ($uid, $uid);
$< == $uid && $> == $uid or die "obuilder: cannot become the user $uid\n";
exec { $ARGV[0] } @ARGV or die "obuilder: $ARGV[0]: $!\n";
