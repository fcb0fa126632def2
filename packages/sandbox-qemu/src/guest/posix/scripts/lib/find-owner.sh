# As root, after resolve-user.sh. Argument: the name of a user. Prints what `ownerIn` reads.
resolve_user name "$1"
echo "obuilder: the owner is $uid:$gid"
