# Enters and leaves the environments of trusted projects at each prompt; what is evaluated, envtool alone has written.
_envtool_hook() {
    emulate -L zsh
    local _envtool_code
    # Who has sourced an environment's script goes on with that until they deactivate.
    if [[ -z ${_envtool_active-} ]] && _envtool_code=$(
        @ENVTOOL@ -C . hook zsh --prompt="${_envtool_state-}" 2>/dev/null
    ); then
        eval "$_envtool_code"
    fi
}
typeset -ga precmd_functions
if [[ "${precmd_functions[*]}" != *_envtool_hook* ]]; then
    precmd_functions=(_envtool_hook "${precmd_functions[@]}")
fi
