# Enters and leaves the environments of trusted projects at each prompt; what is evaluated, envtool alone has written.
_envtool_hook() {
    local _envtool_status=$? _envtool_code
    # Who has sourced an environment's script goes on with that until they deactivate.
    if [ -z "${_envtool_active-}" ] && _envtool_code=$(
        @ENVTOOL@ -C . hook bash --prompt="${_envtool_state-}" 2>/dev/null
    ); then
        \eval "$_envtool_code"
    fi
    return "$_envtool_status"
}
if [[ "${PROMPT_COMMAND[*]-}" != *_envtool_hook* ]]; then
    if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501)); then
        PROMPT_COMMAND=(_envtool_hook "${PROMPT_COMMAND[@]}")
    else
        PROMPT_COMMAND="_envtool_hook${PROMPT_COMMAND:+;$PROMPT_COMMAND}"
    fi
fi
