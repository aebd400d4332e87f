//! What a shell is to change, and the code that makes it do so.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::saved::{Variables, decoded, encoded};
use crate::fault::{Fault, Result};
use crate::quote::Syntax;

/// A shell that knows something to be done before its prompt.
#[derive(Debug)]
pub struct Hook {
    /// Its name.
    pub shell: &'static str,
    syntax: Syntax,
    /// What its user's rc file evaluates.
    text: &'static str,
}

/// Every such shell.
pub const SHELLS: &[Hook] = &[
    Hook { shell: "bash", syntax: Syntax::Posix, text: include_str!("hook.bash") },
    Hook { shell: "zsh", syntax: Syntax::Posix, text: include_str!("hook.zsh") },
    Hook { shell: "fish", syntax: Syntax::Fish, text: include_str!("hook.fish") },
];

/// One thing that a shell is to change.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// A variable to be exported, or to be taken away.
    Variable(&'static str, Option<OsString>),
    /// What stands before the prompt.
    Prefix {
        /// What stands there now, if anything.
        old: String,
        /// What is to stand there.
        new: String,
    },
    /// Forgets where commands lie.
    Rehash,
    /// A line on standard error.
    Say(String),
    /// What this shell is to hand us the next time.
    State(State),
}

/// What one shell shows, and has said: its own, and not exported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// What we put before its prompt.
    pub prefix: String,
    /// What stands for the line that was said last, while it still holds.
    pub said: String,
    /// What stands for the executables of the environment.
    pub stamp: String,
}

impl State {
    /// Reads what a shell handed us; what is no state is that of a new shell.
    pub fn parse(text: &OsStr) -> Self {
        let mut fields = text.to_str().unwrap_or_default().split('&');
        let mut next = || decoded(fields.next().unwrap_or_default()).to_string_lossy().into_owned();
        Self { prefix: next(), said: next(), stamp: next() }
    }

    fn to_text(&self) -> String {
        [&self.prefix, &self.said, &self.stamp].map(|field| encoded(field.as_ref())).join("&")
    }
}

/// What leads a shell from what it is to what it is to be.
pub(super) fn changes(
    now: &Variables,
    next: &Variables,
    before: &State,
    after: &State,
    line: Option<String>,
) -> Vec<Change> {
    let variables = now.until(next).into_iter().map(|(name, value)| Change::Variable(name, value));
    let mut changes: Vec<Change> = variables.collect();
    if before.prefix != after.prefix {
        changes.push(Change::Prefix { old: before.prefix.clone(), new: after.prefix.clone() });
    }
    if before.stamp != after.stamp {
        changes.push(Change::Rehash);
    }
    changes.extend(line.filter(|_| before.said != after.said).map(Change::Say));
    if before != after {
        changes.push(Change::State(after.clone()));
    }
    changes
}

impl Hook {
    /// That of a shell.
    pub fn of(shell: &str) -> Result<&'static Self> {
        SHELLS.iter().find(|hook| hook.shell == shell).ok_or_else(|| {
            let known: Vec<&str> = SHELLS.iter().map(|hook| hook.shell).collect();
            Fault::usage(format!("there is no hook for the shell {shell:?}"))
                .why(format!("those that have one are {}", known.join(", ")))
                .help("`envtool activate SHELL` prints code to evaluate, and `envtool shell` starts a shell")
        })
    }

    /// What its user's rc file evaluates. `envtool` is this program.
    pub fn install(&self, envtool: &Path) -> Result<String> {
        Ok(self.text.replace("@ENVTOOL@", &self.word(envtool.as_os_str())?))
    }

    /// The code that makes the changes.
    pub fn code(&self, changes: &[Change]) -> Result<String> {
        changes.iter().map(|change| self.line(change)).collect()
    }

    fn word(&self, text: impl AsRef<OsStr>) -> Result<String> {
        self.syntax.quote(text.as_ref()).ok_or_else(|| Fault::bug("a value cannot be quoted for this shell"))
    }

    fn line(&self, change: &Change) -> Result<String> {
        let is_fish = self.syntax == Syntax::Fish;
        Ok(match change {
            Change::Variable(name, Some(value)) => {
                let value = self.word(value)?;
                match is_fish {
                    // A universal variable of the user's shines through again where ours is gone.
                    true => {
                        format!("set -eg {name}; test \"${name}\" = {value}; or set -gx {name} {value}\n")
                    }
                    false => format!("\\export {name}={value}\n"),
                }
            }
            Change::Variable(name, None) if is_fish => format!("set -eg {name}\n"),
            Change::Variable(name, None) => format!("\\unset {name}\n"),
            Change::Prefix { old, new } => self.prefix(old, new)?,
            Change::Rehash if is_fish => String::new(),
            Change::Rehash => "\\hash -r 2>/dev/null || :\n".to_owned(),
            Change::Say(line) if is_fish => {
                format!("printf '%s\\n' {} >&2\n", self.word(format!("envtool: {line}"))?)
            }
            Change::Say(line) => format!("\\printf '%s\\n' {} >&2\n", self.word(format!("envtool: {line}"))?),
            Change::State(state) if is_fish => {
                format!("set -g _envtool_state {}\n", self.word(state.to_text())?)
            }
            Change::State(state) => format!("_envtool_state={}\n", self.word(state.to_text())?),
        })
    }

    /// Puts another prefix in the place of one before the prompt. A prompt that was made anew since has none.
    fn prefix(&self, old: &str, new: &str) -> Result<String> {
        let (old, new) = (self.word(old)?, self.word(new)?);
        Ok(match self.syntax {
            Syntax::Fish if new == "''" => FISH_WITHOUT.to_owned(),
            Syntax::Fish => FISH_WITH.replace("@PREFIX@", &new),
            Syntax::Posix | Syntax::Csh => format!(
                "if [ -n \"${{PS1+set}}\" ] && [ -z \"${{ENVTOOL_DISABLE_PROMPT-}}\" ]; then PS1=${{PS1#{old}}}; PS1={new}${{PS1#{new}}}; fi\n"
            ),
        })
    }
}

/// Puts the prefix before the user's own prompt, which is a function in fish.
const FISH_WITH: &str = r#"if test -z "$ENVTOOL_DISABLE_PROMPT"; and functions -q fish_prompt
    if not functions fish_prompt | string match -q '*_envtool_own_prompt*'
        functions -e _envtool_own_prompt
        functions -c fish_prompt _envtool_own_prompt
    end
    function _envtool_return
        return $argv[1]
    end
    function fish_prompt
        set -l _envtool_status $status
        printf '%s' @PREFIX@
        _envtool_return $_envtool_status
        _envtool_own_prompt
    end
end
"#;

/// Puts the user's own prompt back, unless they have another one by now.
const FISH_WITHOUT: &str = r"if functions -q _envtool_own_prompt
    if functions fish_prompt | string match -q '*_envtool_own_prompt*'
        functions -e fish_prompt
        functions -c _envtool_own_prompt fish_prompt
    end
    functions -e _envtool_own_prompt _envtool_return
end
";
