# Enters and leaves the environments of trusted projects at each prompt; what is evaluated, envtool alone has written.
function _envtool_hook --on-event fish_prompt
    # Who has sourced an environment's script goes on with that until they deactivate.
    if set -q _envtool_active; or not test -x @ENVTOOL@
        return
    end
    @ENVTOOL@ -C . hook fish --prompt="$_envtool_state" 2>/dev/null | source
end
