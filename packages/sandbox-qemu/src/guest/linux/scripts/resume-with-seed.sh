# As root, in a guest that was resumed from a snapshot and has not said that it was reseeded. Arguments: the time in seconds since 1970,
# and the login user. Standard input: a seed. Prints the same as resume.sh.
. ./lib/reseed.sh
reseed || exit 125
. ./resume.sh
