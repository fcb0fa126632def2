# Arguments: the numbers of two ioctls, in hexadecimal. See reseed.sh.
use strict;
my ($add, $draw) = map { hex } @ARGV;
chomp(my $line = <STDIN> // "");
my $seed = pack "H*", $line;
die "obuilder: no seed\n" if length $seed < 32;
open my $device, "<", "/dev/urandom" or die "obuilder: /dev/urandom: $!\n";
my $entropy = pack("ii", 8 * length $seed, length $seed) . $seed;
ioctl($device, $add, $entropy) or die "obuilder: RNDADDENTROPY: $!\n";
ioctl($device, $draw, 0) or die "obuilder: RNDRESEEDCRNG: $!\n";
