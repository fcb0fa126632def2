#compdef obuilder
# Completes the words of obuilder in zsh: source <(obuilder completion zsh)

_obuilder() {
  local line word
  local -a lines spaced joined
  local paths=
  # Without the quotes that were typed.
  lines=("${(@f)$("${(Q)words[1]}" __complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  for line in $lines; do
    case $line in
      :files) paths=files ;;
      :directories) paths=directories ;;
      *)
        word=${${line%%$'\t'*}//:/\\:}
        if [[ $line == *$'\t'* ]]; then word+=:${line#*$'\t'}; fi
        if [[ ${line%%$'\t'*} == *[=:] ]]; then joined+=("$word"); else spaced+=("$word"); fi
        ;;
    esac
  done
  if (( $#spaced )); then _describe 'obuilder' spaced; fi
  if (( $#joined )); then _describe 'obuilder' joined -S ''; fi
  if [[ -n $paths ]]; then
    if [[ $PREFIX == --*=* ]]; then compset -P '*='; fi
    compset -P 'qemu:'
    if [[ $paths == files ]]; then _files; else _files -/; fi
  fi
}

if [[ ${funcstack[1]} == _obuilder ]]; then
  _obuilder
else
  compdef _obuilder obuilder
fi
