# Puts the shell that reads it into the environment that it lies in:
#
#     source .envtool/bin/activate.csh        (tcsh, csh)
#
# `deactivate` takes all of it back. envtool writes this file, the same bytes into every environment: it names no
# folder and finds its own, so a project may be moved. What you change here, the next `envtool sync` takes away.
#
# csh has no functions, and a script has no name in it. So sh does the work: it finds this file among those that the
# shell has open, sources `activate` beside it, and prints in words of csh what that set and what is to be put back, with
# each character quoted that csh might read. All names here begin with `_envtool_`, but for `deactivate`.

# Under these two a backslash in quotes, and any sign, may be another one.
if ($?histchars) then
    set _envtool_histchars = $histchars:q
    set histchars = ''
endif
if ($?backslash_quote) then
    set _envtool_backslash_quote
    unset backslash_quote
endif
set _envtool_newline = '\
'

# Makes $quoted, a word of csh, from a text. (In a subshell, for the locale: else the signs are in another order.)
set _envtool_quote = 'quote() {\
    quoted=$(\
        LC_ALL=C rest=$1 special="[[:cntrl:] -,;-@[-^\`{-~]"\
        while [ -n "$rest" ]; do\
            head=${rest%%$special*}\
            printf "%s" "$head"\
            rest=${rest#"$head"}\
            case $rest in\
            "") ;;\
            "$newline"*) printf "%s" "\${_envtool_newline:q}" ;;\
            *) printf "\\\\%s" "${rest%"${rest#?}"}" ;;\
            esac\
            rest=${rest#?}\
        done\
    )\
    quoted=${quoted:-\"\"}\
}\
newline="\
"\
'

# Where the environment is. The file is open in the shell that sources it, which has started this one, or in a parent of
# that; it has the number 16 only where it is not sourced but run. From the current folder up it may have the name that
# the user knows, without links resolved. Where no process tells its files, the nearest one counts.
set _envtool_find = $_envtool_quote:q'cd "$1" 2>/dev/null\
process=$PPID root= file= why=\
while [ -z "$file" ] && [ "${process:-0}" -gt 1 ] && [ -r "/proc/$process/status" ]; do\
    for open in "/proc/$process/fd/"*; do\
        [ -f "$open" ] || continue\
        file=$(command -p readlink "$open" && printf x)\
        file=${file%?x}\
        if [ "${file%/bin/activate.csh}" != "$file" ] && [ -f "${file%/bin/activate.csh}/env.toml" ]; then\
            root=${file%/bin/activate.csh}\
            [ "${open##*/}" != 16 ] || why="this file is to be sourced"\
            break\
        fi\
        file=\
    done\
    while read -r name process rest; do\
        [ "$name" != PPid: ] || break\
    done <"/proc/$process/status"\
done\
rest=${PWD%/}\
while [ -z "$why" ]; do\
    open=$rest/.envtool/bin/activate.csh\
    if [ -f "$open" ] && { [ -z "$file" ] || [ "$open" -ef "$file" ]; }; then\
        root=$rest/.envtool\
        break\
    fi\
    [ "${rest%/*}" != "$rest" ] || break\
    rest=${rest%/*}\
done\
if [ -z "$root" ]; then\
    why="csh does not tell where the script lies, and no folder from here up holds .envtool/bin/activate.csh"\
elif [ -z "$why" ] && [ ! -f "$root/bin/activate" ]; then\
    why="$root/bin/activate is missing, which it needs"\
fi\
if [ -n "$why" ]; then\
    printf "%s\n" "error: could not activate: $why (help: source PROJECT/.envtool/bin/activate.csh)" >&2\
else\
    quote "$root"\
    printf "%s" "set _envtool_root = $quoted"\
fi\
'

# What to set, and the alias that puts it back: `activate` knows which variables were exported, and their values. (The
# list `path` outlives a PATH that is unset.) The last two words are whether there is a prompt, and how many words
# somebody else's `deactivate` has (a Python venv's, say), which is kept. A line
# for a command: the csh of BSD takes no word of more than 4 kB, and the lines become its words.
set _envtool_enter = $_envtool_quote:q'cd "$1" 2>/dev/null\
case $(export -p) in\
*"export PATH="*) ;;\
*) unset PATH ;;\
esac\
say() { printf "%s;\n" "$1"; }\
PS1=\
. "$2/bin/activate" || exit\
back=\
case $_envtool_exported in\
*" PATH "*) ;;\
*)\
    say "set _envtool_old_path = (\$path:q)"\
    back="set path = (\$_envtool_old_path:q); unset _envtool_old_path; "\
    ;;\
esac\
for name in PATH ENVTOOL_ENV CARGO_INSTALL_ROOT VIRTUAL_ENV PYTHONHOME; do\
    case $_envtool_exported in\
    *" $name "*)\
        eval "quote \"\$_envtool_old_$name\""\
        say "set _envtool_$name = $quoted"\
        back="${back}setenv $name \$_envtool_$name:q; unset _envtool_$name; "\
        ;;\
    *) back="${back}unsetenv $name; " ;;\
    esac\
    eval "quote \"\${$name-}\"; value=\${$name+set}"\
    if [ -n "$value" ]; then\
        say "setenv $name $quoted"\
    else\
        say "unsetenv $name"\
    fi\
done\
if [ "$3" = 1 ] && [ -n "$PS1" ]; then\
    # In a prompt of tcsh this begins a control character.\
    quote "$(printf "%s" "$PS1" | command -p tr "^" _)"\
    say "set _envtool_old_prompt = \$prompt:q; set prompt = $quoted\$prompt:q"\
    back="${back}set prompt = \$_envtool_old_prompt:q; unset _envtool_old_prompt; "\
fi\
theirs="unalias deactivate"\
[ "$4" = 0 ] || theirs="alias deactivate \$_envtool_old_deactivate:q"\
back="${back}if (\"\`alias deactivate\`\" == _envtool_deactivate) $theirs; "\
quote "${back}unset _envtool_active _envtool_old_deactivate; unalias _envtool_deactivate; rehash"\
say "alias _envtool_deactivate $quoted; alias deactivate _envtool_deactivate; set _envtool_active"\
'

set _envtool_cwd = .
if ($?cwd) then
    set _envtool_cwd = $cwd:q
endif
unset _envtool_root
# In quotes and backquotes at once csh reads what a variable holds, but not what an alias makes of it.
alias _envtool_do '/bin/sh -c $_envtool_find:q envtool $_envtool_cwd:q'
eval "`_envtool_do`"
set _envtool_code = 1
if ($?_envtool_root) then
    # Only now, since a failure changes nothing.
    if ($?_envtool_active) then
        _envtool_deactivate
    endif
    set _envtool_prompt = $?prompt
    if ($?ENVTOOL_DISABLE_PROMPT) then
        if ("$ENVTOOL_DISABLE_PROMPT:q" != "") set _envtool_prompt = 0
    endif
    set _envtool_old_deactivate = "`alias deactivate`"
    alias _envtool_do '/bin/sh -c $_envtool_enter:q envtool $_envtool_cwd:q $_envtool_root:q $_envtool_prompt $#_envtool_old_deactivate'
    eval "`_envtool_do`"
    unset _envtool_root _envtool_prompt
    if ($?_envtool_active) then
        set _envtool_code = 0
    else
        unset _envtool_old_deactivate
    endif
endif
if ($?_envtool_backslash_quote) then
    unset _envtool_backslash_quote
    set backslash_quote
endif
if ($?_envtool_histchars) then
    set histchars = $_envtool_histchars:q
    unset _envtool_histchars
endif
unalias _envtool_do
unset _envtool_newline _envtool_quote _envtool_find _envtool_enter _envtool_cwd
eval "unset _envtool_code; /bin/sh -c 'exit $_envtool_code'"
