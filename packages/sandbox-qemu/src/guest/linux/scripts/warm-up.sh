# As root, beside a login to an emulated guest: runs programs that the first step will need, since to translate their code takes longer than to
# run it. None of them writes anything. Of login shells bash only: another may make files when it is started.
{
  /bin/bash --noprofile --norc -c :
  find / -prune
  fsfreeze --version
} </dev/null >/dev/null 2>&1
:
