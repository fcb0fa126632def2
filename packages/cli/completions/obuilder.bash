# Completes the words of obuilder in bash: source <(obuilder completion bash)

_obuilder() {
  local line words current broken candidate
  line=${COMP_LINE:0:COMP_POINT}
  # Without -r, so that an escaped space does not end a word.
  # shellcheck disable=SC2162
  read -a words <<<"$line"
  if [[ $line == *[[:space:]] ]]; then words+=(""); fi
  current=${words[${#words[@]} - 1]}
  # Readline replaces only what follows the last of these characters.
  broken=
  if [[ $current == *[=:]* ]]; then broken=${current%"${current##*[=:]}"}; fi
  COMPREPLY=()
  compopt +o default 2>/dev/null
  while IFS=$'\t' read -r candidate _; do
    case $candidate in
      :files) compopt -o default 2>/dev/null ;;
      :directories) compopt -o dirnames 2>/dev/null ;;
      *)
        COMPREPLY+=("${candidate#"$broken"}")
        if [[ $candidate == *[=:] ]]; then compopt -o nospace 2>/dev/null; fi
        ;;
    esac
  done < <("${words[0]}" __complete -- "${words[@]:1}" 2>/dev/null)
}

complete -o default -F _obuilder obuilder
