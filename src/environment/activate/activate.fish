# Puts the fish that reads it into the environment that it lies in:
#
#     source .envtool/bin/activate.fish
#
# `deactivate` takes all of it back. envtool writes this file, the same bytes into every environment: it names no
# folder and finds its own, so a project may be moved. What you change here, the next `envtool sync` takes away.
#
# All names here begin with `_envtool_`, but for `deactivate`; `builtin` passes by functions of the user's.

function _envtool_activate
    builtin functions --erase _envtool_activate
    set -l file $argv[1]
    set -l names PATH ENVTOOL_ENV CARGO_INSTALL_ROOT VIRTUAL_ENV PYTHONHOME

    # Where this file lies, as the user named it, unless `..` behind a link leads elsewhere than the words say.
    if not test -f "$file"
        builtin printf '%s\n' "error: could not activate: fish does not tell where the script lies (help: source PROJECT/.envtool/bin/activate.fish)" >&2
        return 1
    end
    if test -r /proc/$fish_pid/cmdline; and builtin contains -- $file (string split0 </proc/$fish_pid/cmdline)
        builtin printf '%s\n' "error: could not activate: this file is to be sourced (help: source "(string escape -- $file)")" >&2
        exit 1
    end
    set -l real (builtin realpath -- $file | string collect)
    set -l parts
    if not test -L "$file"
        string match -q '/*' -- $file; or set file $PWD/$file
        for part in (string split / -- $file)
            switch $part
                case '' .
                case ..
                    set parts $parts[1..-2]
                case '*'
                    set -a parts $part
            end
        end
        set -l words /(string join / -- $parts | string collect)
        test -e "$words"; and test (builtin realpath -- $words | string collect) = "$real"; or set parts
    end
    if test -z "$parts"
        set parts (string split --no-empty / -- $real)
    end
    set -l root /(string join / -- $parts[1..-3] | string collect)
    if not test -f "$root/env.toml"; or test "$parts[-2]" != bin
        builtin printf '%s\n' "error: could not activate: $file does not lie in the bin folder of an environment (help: source PROJECT/.envtool/bin/activate.fish)" >&2
        return 1
    end

    # Only now, since a failure changes nothing.
    set -q _envtool_active; and _envtool_deactivate
    set -g _envtool_active yes

    # A variable of the user's is global or universal; a global one of ours hides a universal one, and no more.
    set -g _envtool_exported
    set -g _envtool_lists
    for name in $names
        if set -qg $name
            set -g _envtool_old_$name $$name
            set -qgx $name; and set -a _envtool_exported $name
            set -qg --path $name; and set -a _envtool_lists $name
        end
    end

    # The environment's bin once and first, cargo's own behind where it is missing: cargo looks for `cargo-NAME` in its
    # own bin first unless that one is on PATH.
    set -l inside
    if string match -q '*:*' -- $root
        builtin printf '%s\n' "warning: $root/bin cannot stand on PATH, since its name holds a separator" >&2
        set inside $PATH
    else
        set inside $root/bin
        for folder in $PATH
            test "$folder" = $root/bin; or set -a inside $folder
        end
        set -l home $HOME/.cargo
        test -n "$HOME"; or set home
        test -n "$CARGO_HOME"; and set home $CARGO_HOME
        if test -n "$home"
            string match -q '/*' -- $home; or set home $PWD/$home
            set home (string replace -r '/$' '' -- $home | string collect)/bin
            if not string match -q '*:*' -- $home
                builtin contains -- $home $inside; or builtin contains -- $home/ $inside; or set -a inside $home
            end
        end
    end
    set -gx --path PATH $inside
    set -gx --unpath ENVTOOL_ENV $root
    set -gx --unpath CARGO_INSTALL_ROOT $root
    if test -f "$root/python/pyvenv.cfg"
        set -gx --unpath VIRTUAL_ENV $root/python
        # It would lead Python past its environment. An empty one counts for nothing, and hides a universal one.
        set -eg PYTHONHOME
        set -q PYTHONHOME; and set -gx PYTHONHOME
    end

    if test -z "$ENVTOOL_DISABLE_PROMPT"; and builtin functions -q fish_prompt
        set -l project $parts[-4]
        test -n "$project"; or set project /
        set -g _envtool_name (string replace --all --regex '[$`\\\\\'"%!\p{Cc}]' _ -- $project | string collect)
        builtin functions --copy fish_prompt _envtool_old_fish_prompt
        function fish_prompt --description 'The prompt, with the name of the active environment before it'
            # The user's first: it may show how the last command ended.
            set -l lines (_envtool_old_fish_prompt $argv)
            builtin printf '(%s) ' "$_envtool_name"
            string join -- \n $lines
        end
    end

    # Somebody else's (a Python venv's, say) is kept.
    builtin functions -q deactivate; and builtin functions --copy deactivate _envtool_old_function
    function deactivate --description 'Leave the environment'
        _envtool_deactivate
    end

    # Another program's activation may put its own `deactivate` over ours; this one stays.
    function _envtool_deactivate
        for name in PATH ENVTOOL_ENV CARGO_INSTALL_ROOT VIRTUAL_ENV PYTHONHOME
            set -l old _envtool_old_$name
            set -eg $name
            if set -q $old
                set -l kind --unexport --unpath
                builtin contains $name $_envtool_exported; and set kind[1] --export
                builtin contains $name $_envtool_lists; and set kind[2] --path
                set -g $kind $name $$old
                set -eg $old
            end
        end
        # An empty list: fish shall not read a function anew from the user's files for the one that is erased.
        set -l fish_function_path
        if builtin functions -q _envtool_old_fish_prompt
            builtin functions --erase fish_prompt
            builtin functions --copy _envtool_old_fish_prompt fish_prompt
            builtin functions --erase _envtool_old_fish_prompt
        end
        if string match -q '*_envtool_deactivate*' -- (builtin functions deactivate | string collect)
            builtin functions --erase deactivate
            builtin functions -q _envtool_old_function
            and builtin functions --copy _envtool_old_function deactivate
        end
        builtin functions -q _envtool_old_function; and builtin functions --erase _envtool_old_function
        set -eg _envtool_active
        set -eg _envtool_exported
        set -eg _envtool_lists
        set -eg _envtool_name
        builtin functions --erase _envtool_deactivate
    end
end

_envtool_activate (status filename | string collect)
