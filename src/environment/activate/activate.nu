# Puts the nu that uses it into the environment that it lies in:
#
#     overlay use .envtool/bin/activate.nu
#
# `deactivate` takes all of it back. envtool writes this file, the same bytes into every environment: it names no
# folder and finds its own, so a project may be moved. What you change here, the next `envtool sync` takes away.
#
# The overlay is called `activate` after this file. What is set while it is there belongs to it, so `deactivate` keeps
# all but the names below; under another name (`as NAME`) it is `overlay hide NAME`.

# `use` runs this in a script that is sourced, and not in a module.
module _envtool_sourced {
    const file = path self
    export-env {
        error make --unspanned {
            msg: "could not activate: this file is to be used as an overlay",
            help: $"overlay use ($file | to nuon)"
        }
    }
}
use _envtool_sourced

const _envtool_file = path self

export-env {
    let file = if ($_envtool_file | path type) == "symlink" { $_envtool_file | path expand } else { $_envtool_file }
    let bin = $file | path dirname
    let root = $bin | path dirname
    if ($bin | path basename) != "bin" or ($root | path join "env.toml" | path type) != "file" {
        error make --unspanned {
            msg: $"could not activate: ($file) does not lie in the bin folder of an environment",
            help: "overlay use PROJECT/.envtool/bin/activate.nu"
        }
    }

    # What was there outside, also where another environment is active: to activate one leaves the other. A record is
    # nothing that a program is handed.
    let names = [PATH ENVTOOL_ENV CARGO_INSTALL_ROOT VIRTUAL_ENV PYTHONHOME PROMPT_COMMAND]
    let outside = $env._envtool_outside? | default (
        $names | where {|name| $name in $env } | reduce --fold {} {|name, all| $all | merge { $name: ($env | get $name) } }
    )

    # The environment's bin once and first, cargo's own behind where it is missing: cargo looks for `cargo-NAME` in its
    # own bin first unless that one is on PATH.
    let path = $outside.PATH? | default []
    let path = if ($path | describe) == "string" { $path | split row (char esep) } else { $path }
    let path = if ($bin | str contains (char esep)) {
        print --stderr $"warning: ($bin) cannot stand on PATH, since its name holds a separator"
        $path
    } else {
        let path = $path | where {|folder| $folder != $bin } | prepend $bin
        let home = if ($env.CARGO_HOME? | is-not-empty) {
            $env.CARGO_HOME
        } else if ($env.HOME? | is-not-empty) {
            $"($env.HOME)/.cargo"
        }
        if $home == null {
            $path
        } else {
            let home = $env.PWD | path join $home | str replace --regex "/$" "" | $"($in)/bin"
            let there = $home in $path or $"($home)/" in $path or ($home | str contains (char esep))
            if $there { $path } else { $path | append $home }
        }
    }

    let inside = { PATH: $path, ENVTOOL_ENV: $root, CARGO_INSTALL_ROOT: $root }
    # PYTHONHOME would lead Python past its environment.
    let inside = if ($root | path join "python/pyvenv.cfg" | path type) == "file" {
        $inside | insert VIRTUAL_ENV $"($root)/python" | insert PYTHONHOME null
    } else {
        $inside | insert VIRTUAL_ENV $outside.VIRTUAL_ENV? | insert PYTHONHOME $outside.PYTHONHOME?
    }
    let old = $outside.PROMPT_COMMAND?
    let inside = if $old == null {
        $inside
    } else if ($env.ENVTOOL_DISABLE_PROMPT? | is-not-empty) {
        $inside | merge { PROMPT_COMMAND: $old }
    } else {
        let name = $root | path dirname | path basename
        let name = if ($name | is-empty) { "/" } else { $name | str replace --all --regex '[$`\\''"%!\p{Cc}]' "_" }
        $inside | merge {
            PROMPT_COMMAND: {||
                let prompt = if ($old | describe) =~ "closure" { do $old } else { $old }
                $"\(($name)\) ($prompt)"
            }
        }
    }

    # `null` is a variable that no program is handed. What is hidden here would not come back with the overlay's end.
    for one in ($inside | transpose name value) {
        if $one.value != null or $one.name in $env {
            load-env { $one.name: $one.value }
        }
    }
    $env._envtool_outside = $outside
}

export alias deactivate = overlay hide activate --keep-custom --keep-env ($env | columns | where $it not-in [
    PATH ENVTOOL_ENV CARGO_INSTALL_ROOT VIRTUAL_ENV PYTHONHOME PROMPT_COMMAND _envtool_outside FILE_PWD CURRENT_FILE
])
