# Completion of actpass for bash. The options and commands are those that its help names.
_actpass()
{
    local word=${COMP_WORDS[COMP_CWORD]} help options commands=
    COMPREPLY=()
    help=$("${COMP_WORDS[0]}" --help 2>/dev/null)
    if [[ $word == -* ]]; then
        options=$(grep -oE -- '--[a-z-]+' <<<"$help" | sort -u)
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
        return
    fi
    if ((COMP_CWORD == 1)); then
        commands=$(sed -nE 's/^ +actpass ([a-z]+) .*/\1/p' <<<"$help")
    fi
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word"; compgen -d -- "$word"
                             compgen -f -X '!*.json*' -- "$word")
}
complete -F _actpass actpass
