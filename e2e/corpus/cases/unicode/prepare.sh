#!/bin/sh
printf 'nihon\n' > '日本.txt'
printf 1 > ' blank '
printf 2 > '-rf'
printf 3 > "it's \"q\" \$HOME"
printf 4 > "$(printf 'a\nb')"
printf 5 > "$(printf 'caf\303\251')"
printf 6 > "$(printf 'cafe\314\201')"
printf 7 > 'å'
printf 8 > '*'
printf 9 > 'back\slash'
