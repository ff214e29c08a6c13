# Completion of actpass for bash. The options are those that its help names.
_actpass()
{
    local word=${COMP_WORDS[COMP_CWORD]} options
    COMPREPLY=()
    if [[ $word == -* ]]; then
        options=$("${COMP_WORDS[0]}" --help 2>/dev/null | grep -oE -- '--[a-z-]+' | sort -u)
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
        return
    fi
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -d -- "$word"; compgen -f -X '!*.json*' -- "$word")
}
complete -F _actpass actpass
