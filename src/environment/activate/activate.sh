# Puts the shell that reads it into the environment that it lies in:
#
#     . .envtool/bin/activate        (bash, zsh, dash, ksh)
#
# `deactivate` takes all of it back. envtool writes this file, the same bytes into every environment: it names no
# folder and finds its own, so a project may be moved. What you change here, the next `envtool sync` takes away.
#
# Four shells read these lines under whatever options their user has set. So: every expansion is quoted, no line relies
# on globbing, splitting or `case` being true to case where a loop waits for it; what may fail never stands alone
# (`set -e`); `\unset` and its like pass by the user's aliases; no folder is entered but in a subshell; the arguments
# stay the caller's. All names here begin with `_envtool_`, but for `deactivate`.

if \alias deactivate >/dev/null 2>&1; then
    \printf '%s\n' 'error: could not activate: `deactivate` is an alias here (help: unalias deactivate)' >&2
    return 1
fi

# Nothing of this is for the programs that the shell starts. (dash goes on exporting what it unsets under `set -a`.)
case $- in
*a*) \set +a && _envtool_allexport=yes ;;
*) _envtool_allexport='' ;;
esac

# The name under which the shell reads this file, where it tells, and the script that it runs, if any.
_envtool_file='' _envtool_script=$0
if [ -n "${BASH_VERSION-}" ]; then
    _envtool_file=${BASH_SOURCE-}
elif [ -n "${ZSH_VERSION-}" ]; then
    _envtool_script=${ZSH_ARGZERO-}
    \eval '_envtool_file=${(%):-%x}'
else
    case ${KSH_VERSION-} in
    Version*) \eval '_envtool_file=${.sh.file}' ;;
    esac
fi

# Finds the environment: _envtool_root is its folder, and _envtool_file this file.
_envtool_find() {
    if [ -n "$_envtool_file" ] && [ -f "$_envtool_file" ]; then
        # Under another name, through a link to this very file.
        if [ -L "$_envtool_file" ]; then
            _envtool_file=$(\command -p readlink -f "$_envtool_file" && \printf x || :)
            _envtool_file=${_envtool_file%?x}
        fi
    else
        _envtool_file=''
        _envtool_look_at_descriptors
        _envtool_walk_up
    fi
    if [ -z "$_envtool_file" ]; then
        _envtool_why='this shell does not tell where the script lies, and no folder from here up holds .envtool/bin/activate'
        return 1
    fi
    _envtool_absolute
    _envtool_root=${_envtool_file%/*/*}
    if [ ! -f "$_envtool_root/env.toml" ] || [ "$_envtool_file" != "$_envtool_root/bin/${_envtool_file##*/}" ]; then
        _envtool_why="$_envtool_file does not lie in the bin folder of an environment"
        return 1
    fi
}

# A shell without a name for this file still has it open. Its own number is asked for in a way that holds in a subshell.
_envtool_look_at_descriptors() {
    [ -r /proc/self/stat ] || return 0
    IFS=' ' \read -r _envtool_process _envtool_rest </proc/self/stat || return 0
    # The innermost file that is being read has the highest number.
    _envtool_descriptor=255
    while [ "$_envtool_descriptor" -gt 2 ]; do
        if [ -f "/proc/$_envtool_process/fd/$_envtool_descriptor" ]; then
            _envtool_rest=$(\command -p readlink "/proc/$_envtool_process/fd/$_envtool_descriptor" && \printf x || :)
            _envtool_rest=${_envtool_rest%?x}
            if [ "${_envtool_rest%/bin/activate}" != "$_envtool_rest" ] &&
                [ -f "${_envtool_rest%/bin/activate}/env.toml" ]; then
                _envtool_file=$_envtool_rest
                return 0
            fi
        fi
        _envtool_descriptor=$((_envtool_descriptor - 1))
    done
}

# The nearest environment from the current folder up. Where a descriptor has named the file, all links resolved, only
# that one: for its name as the user has it.
_envtool_walk_up() {
    _envtool_rest=${PWD-}
    _envtool_rest=${_envtool_rest%/}
    while :; do
        if [ -f "$_envtool_rest/.envtool/bin/activate" ] && { [ -z "$_envtool_file" ] ||
            [ "$_envtool_rest/.envtool/bin/activate" -ef "$_envtool_file" ]; }; then
            _envtool_file=$_envtool_rest/.envtool/bin/activate
            return 0
        fi
        [ "${_envtool_rest%/*}" != "$_envtool_rest" ] || return 0
        _envtool_rest=${_envtool_rest%/*}
    done
}

# Makes _envtool_file absolute, and takes out what says nothing in it.
_envtool_absolute() {
    _envtool_rest=$_envtool_file/ _envtool_path=''
    [ "${_envtool_rest#/}" != "$_envtool_rest" ] || _envtool_rest=${PWD-}/$_envtool_rest
    while [ -n "$_envtool_rest" ]; do
        case ${_envtool_rest%%/*} in
        '' | .) ;;
        ..) _envtool_path=${_envtool_path%/*} ;;
        *) _envtool_path=$_envtool_path/${_envtool_rest%%/*} ;;
        esac
        _envtool_rest=${_envtool_rest#*/}
    done
    if [ ! "$_envtool_path" -ef "$_envtool_file" ]; then
        # `..` behind a link leads elsewhere than the words say.
        _envtool_rest=${_envtool_file%/*}
        [ "$_envtool_rest" != "$_envtool_file" ] || _envtool_rest=.
        _envtool_rest=$(CDPATH='' && \command cd -P -- "$_envtool_rest" >/dev/null && \pwd -P && \printf x || :)
        _envtool_path=${_envtool_rest%?x}/${_envtool_file##*/}
    fi
    _envtool_file=$_envtool_path
}

# PATH inside: the environment's bin once and first, cargo's own behind where it is missing, all else as it is. cargo
# looks for `cargo-NAME` in its own bin first unless that one is on PATH.
_envtool_path_inside() {
    _envtool_path=${PATH-}
    _envtool_rest=$_envtool_root/bin
    if [ "${_envtool_rest#*:}" != "$_envtool_rest" ]; then
        \printf '%s\n' "warning: $_envtool_rest cannot stand on PATH, since its name holds a separator" >&2
        return 0
    fi
    _envtool_path=:$_envtool_path:
    while :; do
        _envtool_head=${_envtool_path%%":$_envtool_rest:"*}
        [ "$_envtool_head" != "$_envtool_path" ] || break
        _envtool_path=$_envtool_head:${_envtool_path#*":$_envtool_rest:"}
    done
    _envtool_path=${_envtool_path#:}
    _envtool_path=${_envtool_path%:}
    _envtool_path=$_envtool_rest${_envtool_path:+":$_envtool_path"}
    _envtool_rest=${CARGO_HOME:-${HOME:+"$HOME/.cargo"}}
    [ -n "$_envtool_rest" ] || return 0
    [ "${_envtool_rest#/}" != "$_envtool_rest" ] || _envtool_rest=${PWD-}/$_envtool_rest
    _envtool_rest=${_envtool_rest%/}/bin
    [ "${_envtool_rest#*:}" = "$_envtool_rest" ] || return 0
    for _envtool_head in "$_envtool_rest" "$_envtool_rest/"; do
        _envtool_name=:$_envtool_path:
        [ "${_envtool_name#*":$_envtool_head:"}" = "$_envtool_name" ] || return 0
    done
    _envtool_path=$_envtool_path:$_envtool_rest
}

# Whether the variable of this name is exported. `typeset` is no command of dash.
_envtool_is_exported() {
    # What fails in a substitution sets off a user's ERR trap there, whose words would be taken for the answer.
    _envtool_rest=$(\typeset -p "$1" 2>/dev/null || :)
    if [ -n "$_envtool_rest" ]; then
        _envtool_rest=${_envtool_rest%%=*}
        _envtool_rest=${_envtool_rest%"$1"}
        [ "${_envtool_rest#*x}" != "$_envtool_rest" ]
    else
        _envtool_head=$(\printf '\nx')
        _envtool_head="${_envtool_head%x}export $1="
        _envtool_rest=$(\printf '\n' && \export -p)
        [ "${_envtool_rest#*"$_envtool_head"}" != "$_envtool_rest" ]
    fi
}

# The project's name without what a prompt would expand.
_envtool_name_of_project() {
    _envtool_name=${_envtool_root%/*}
    _envtool_name=${_envtool_name##*/}
    while :; do
        _envtool_head=${_envtool_name%%[\$\`\\\'\"%![:cntrl:]]*}
        [ "$_envtool_head" != "$_envtool_name" ] || break
        _envtool_name=${_envtool_head}_${_envtool_name#*[\$\`\\\'\"%![:cntrl:]]}
    done
}

_envtool_activate() {
    [ -z "${ZSH_VERSION-}" ] || \emulate -L sh
    if ! _envtool_find; then
        \printf '%s\n' "error: could not activate: $_envtool_why (help: source PROJECT/.envtool/bin/activate)" >&2
        return 1
    fi
    if [ "$_envtool_script" -ef "$_envtool_file" ]; then
        \printf '%s\n' "error: could not activate: this file is to be sourced (help: . \"$_envtool_file\")" >&2
        return 2
    fi
    # Only now, since a failure changes nothing.
    [ -z "${_envtool_active-}" ] || _envtool_deactivate
    _envtool_active=yes

    # What `deactivate` is, so that somebody else's (a Python venv's, say) is kept. dash cannot tell; ksh
    # reads it again from where the file lay, and does not always find it.
    _envtool_text_of_deactivate() {
        _envtool_head=''
        [ -z "${BASH_VERSION-}${ZSH_VERSION-}" ] || _envtool_head=$(\typeset -f deactivate 2>/dev/null || :)
    }

    _envtool_exported=' '
    for _envtool_name in PATH ENVTOOL_ENV CARGO_INSTALL_ROOT VIRTUAL_ENV PYTHONHOME; do
        \eval "_envtool_head=\${$_envtool_name+set}"
        if [ -n "$_envtool_head" ]; then
            \eval "_envtool_old_$_envtool_name=\$$_envtool_name"
            if _envtool_is_exported "$_envtool_name"; then
                _envtool_exported="$_envtool_exported$_envtool_name "
            fi
        fi
    done
    _envtool_text_of_deactivate
    _envtool_old_deactivate=$_envtool_head

    _envtool_path_inside
    \export PATH="$_envtool_path"
    \export ENVTOOL_ENV="$_envtool_root"
    \export CARGO_INSTALL_ROOT="$_envtool_root"
    if [ -f "$_envtool_root/python/pyvenv.cfg" ]; then
        \export VIRTUAL_ENV="$_envtool_root/python"
        # It would lead Python past its environment.
        \unset PYTHONHOME
    fi
    if [ -n "${PS1+set}" ] && [ -z "${ENVTOOL_DISABLE_PROMPT-}" ]; then
        _envtool_old_PS1=$PS1
        _envtool_name_of_project
        PS1="(${_envtool_name:-/}) $PS1"
    fi
    \hash -r 2>/dev/null || :

    deactivate() {
        _envtool_deactivate
    }

    # Another program's activation may put its own `deactivate` over ours; this one stays.
    _envtool_deactivate() {
        [ -z "${ZSH_VERSION-}" ] || \emulate -L sh
        case $- in
        *a*) \set +a && _envtool_set_again=yes ;;
        *) _envtool_set_again='' ;;
        esac
        for _envtool_name in PATH ENVTOOL_ENV CARGO_INSTALL_ROOT VIRTUAL_ENV PYTHONHOME; do
            \eval "_envtool_head=\${_envtool_old_$_envtool_name+set}"
            if [ -z "$_envtool_head" ]; then
                \unset "$_envtool_name"
            elif [ "${_envtool_exported#*" $_envtool_name "}" != "$_envtool_exported" ]; then
                \eval "\\export $_envtool_name=\"\$_envtool_old_$_envtool_name\""
            else
                # zsh knows a PATH that was unset no more as its own.
                if [ -n "${ZSH_VERSION-}" ]; then \typeset -g +x "$_envtool_name"; else \unset "$_envtool_name"; fi
                \eval "$_envtool_name=\$_envtool_old_$_envtool_name"
            fi
            \unset "_envtool_old_$_envtool_name"
        done
        if [ -n "${_envtool_old_PS1+set}" ]; then
            PS1=$_envtool_old_PS1
        fi
        \hash -r 2>/dev/null || :
        _envtool_text_of_deactivate
        if [ -z "$_envtool_head" ] || [ "${_envtool_head#*_envtool_}" != "$_envtool_head" ]; then
            \unset -f deactivate 2>/dev/null || :
            [ -z "$_envtool_old_deactivate" ] || \eval "$_envtool_old_deactivate"
        fi
        \unset _envtool_active _envtool_exported _envtool_head _envtool_name
        \unset _envtool_old_PS1 _envtool_old_deactivate
        \unset -f _envtool_text_of_deactivate _envtool_deactivate
        case $_envtool_set_again in
        yes) \unset _envtool_set_again && \set -a ;;
        *) \unset _envtool_set_again ;;
        esac
    }
}

if _envtool_activate; then _envtool_code=0; else _envtool_code=$?; fi
\unset _envtool_descriptor _envtool_file _envtool_head _envtool_name _envtool_path
\unset _envtool_process _envtool_rest _envtool_root _envtool_script _envtool_why
\unset -f _envtool_find _envtool_look_at_descriptors _envtool_walk_up _envtool_absolute _envtool_path_inside
\unset -f _envtool_is_exported _envtool_name_of_project _envtool_activate
case $_envtool_code$_envtool_allexport in
0) \unset _envtool_code _envtool_allexport ;;
0yes) \unset _envtool_code _envtool_allexport && \set -a ;;
2*) exit 1 ;;
*yes) \unset _envtool_code _envtool_allexport && \set -a && return 1 ;;
*) \unset _envtool_code _envtool_allexport && return 1 ;;
esac
