//! Files of CI services and of hooks: which keys hold commands (the reference of each service, chapter on its YAML).

use super::Call;
use super::kind::{base, is_shell};
use super::shell::{self, UNKNOWN, Variables};
use super::yaml::{Node, Value, Yaml, parse};

/// Where a service's YAML holds commands.
pub(super) struct Rules {
    /// Keys of commands: one text, or a list of them.
    scripts: fn(&str) -> bool,
    /// Keys of maps that set variables.
    variables: &'static [&'static str],
    /// What the service puts into a text before a shell sees it: its beginning and its end.
    templates: &'static [(&'static str, &'static str)],
    /// Whether `$(NAME)` is a variable.
    has_macros: bool,
}

pub(super) const GITLAB: Rules = Rules {
    scripts: |key| matches!(key, "script" | "before_script" | "after_script" | "pre_get_sources_script"),
    variables: &["variables"],
    templates: &[("$[[", "]]")],
    has_macros: false,
};

pub(super) const WOODPECKER: Rules = Rules {
    scripts: |key| key == "commands",
    variables: &["environment"],
    templates: &[],
    has_macros: false,
};

pub(super) const CIRCLE: Rules = Rules {
    scripts: |key| key == "run",
    variables: &["environment"],
    templates: &[("<<", ">>")],
    has_macros: false,
};

pub(super) const AZURE: Rules = Rules {
    scripts: |key| matches!(key, "script" | "bash"),
    variables: &["variables", "env"],
    templates: &[("${{", "}}")],
    has_macros: true,
};

pub(super) const TRAVIS: Rules = Rules {
    scripts: |key| {
        matches!(
            key,
            "before_install"
                | "install"
                | "before_script"
                | "script"
                | "after_script"
                | "after_success"
                | "after_failure"
        ) || matches!(key, "before_deploy" | "after_deploy" | "before_cache")
    },
    variables: &[],
    templates: &[],
    has_macros: false,
};

pub(super) const CIRRUS: Rules = Rules {
    scripts: |key| key == "script" || key.ends_with("_script"),
    variables: &["env"],
    templates: &[],
    has_macros: false,
};

pub(super) const TASKFILE: Rules = Rules {
    scripts: |key| matches!(key, "cmds" | "cmd" | "sh" | "status" | "preconditions"),
    variables: &["env"],
    templates: &[("{{", "}}")],
    has_macros: false,
};

pub(super) const LEFTHOOK: Rules =
    Rules { scripts: |key| key == "run", variables: &["env"], templates: &[], has_macros: false };

impl Rules {
    pub(super) fn calls(&self, text: &str) -> Vec<Call> {
        let yaml = parse(text);
        let (variables, mut calls) = environment(&yaml, self.variables);
        for document in &yaml.documents {
            document.each(&mut |node| {
                if node.get("shell").and_then(Node::text).is_some_and(|shell| !is_read(shell)) {
                    return;
                }
                for (_, value) in node.pairs().filter(|(key, _)| (self.scripts)(key)) {
                    self.script(&yaml, value, &variables, 0, &mut calls);
                }
            });
        }
        calls
    }

    /// A text that is a script, a list of them, or a map that holds one.
    fn script(&self, yaml: &Yaml, node: &Node, variables: &Variables, depth: usize, calls: &mut Vec<Call>) {
        let node = yaml.follow(node);
        match &node.value {
            Value::Text(text) => {
                let mut text = text.clone();
                for (from, to) in self.templates {
                    text = filled(&text, from, to, &|_| None);
                }
                if self.has_macros {
                    text = without_macros(&text);
                }
                calls.extend(shell::read(&text, node.line, variables));
            }
            Value::List(list) if depth < 4 => {
                for node in list {
                    self.script(yaml, node, variables, depth + 1, calls);
                }
            }
            Value::Map(_) if depth < 4 && node.get("shell").and_then(Node::text).is_none_or(is_read) => {
                if let Some(command) = node.get("command") {
                    self.script(yaml, command, variables, depth + 1, calls);
                }
            }
            _ => {}
        }
    }
}

/// Whether a step's `shell` is one that can be read.
fn is_read(shell: &str) -> bool {
    shell.split_whitespace().next().is_some_and(|program| is_shell(base(program)))
}

/// All variables that maps under these keys set, and the calls that such a setting makes.
fn environment(yaml: &Yaml, keys: &[&str]) -> (Variables, Vec<Call>) {
    let mut variables = Variables::new();
    let mut calls = Vec::new();
    for document in &yaml.documents {
        document.each(&mut |node| {
            for (_, map) in node.pairs().filter(|(key, _)| keys.contains(key)) {
                for (name, value) in map.pairs() {
                    let Some(text) = value.text() else { continue };
                    let known = !text.contains("${{") && text.len() <= shell::LONGEST_VALUE;
                    let value_of = if known { text.to_owned() } else { UNKNOWN.to_string() };
                    calls.extend(shell::setting(name, &value_of, value.line));
                    // Two jobs may set it differently.
                    let said = variables.entry(name.to_owned()).or_insert_with(|| value_of.clone());
                    if *said != value_of {
                        *said = UNKNOWN.to_string();
                    }
                }
            }
        });
    }
    (variables, calls)
}

/// The text with its templates filled in: by `value` where that knows, else by [`UNKNOWN`]. Line ends in them stay.
pub(super) fn filled(text: &str, from: &str, to: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(from) {
        let Some((inner, after)) = behind.split_once(to) else { break };
        out.push_str(before);
        out.push_str(&value(inner.trim()).unwrap_or_else(|| UNKNOWN.to_string()));
        for _ in inner.matches('\n') {
            out.push_str("\\\n");
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The text with the variables of Azure taken out: `$(Build.SourceBranch)`, but not `$(git describe)`.
fn without_macros(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("$(") {
        out.push_str(before);
        let name = behind
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_')
            .next()
            .unwrap_or_default();
        match behind.strip_prefix(name).and_then(|behind| behind.strip_prefix(')')) {
            Some(after) if !name.is_empty() => {
                out.push(UNKNOWN);
                rest = after;
            }
            _ => {
                out.push_str("$(");
                rest = behind;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Workflows and actions of GitHub, Gitea and Forgejo.
pub(super) fn github(text: &str) -> Vec<Call> {
    let yaml = parse(text);
    let (variables, mut calls) = environment(&yaml, &["env"]);
    for document in &yaml.documents {
        let shell_of = |node: &Node| {
            let shell = node.get("defaults")?.get("run")?.get("shell")?.text()?;
            Some(shell.to_owned())
        };
        let usual = shell_of(document);
        document.each(&mut |job| {
            let Some(steps) = job.get("steps") else { return };
            let usual = shell_of(job).or_else(|| usual.clone());
            for step in yaml.follow(steps).list() {
                let step = yaml.follow(step);
                calls.extend(uses(step));
                let shell = step.get("shell").and_then(Node::text).or(usual.as_deref());
                let run = step.get("run").map(|run| yaml.follow(run));
                if let Some((run, text)) = run.and_then(|run| Some((run, run.text()?)))
                    && shell.is_none_or(is_read)
                {
                    let value = |inner: &str| variables.get(inner.strip_prefix("env.")?).cloned();
                    let text = filled(text, "${{", "}}", &value);
                    calls.extend(shell::read(&text, run.line, &variables));
                }
            }
        });
    }
    calls
}

/// Actions that install packages, or run a command of cargo's.
fn uses(step: &Node) -> Vec<Call> {
    let Some(node) = step.get("uses") else { return Vec::new() };
    let (action, reference) = node.text().and_then(|text| text.split_once('@')).unwrap_or_default();
    let with = |key: &str| step.get("with").and_then(|with| with.get(key));
    match action {
        "taiki-e/install-action" | "taiki-e/cache-cargo-install-action" => match with("tool") {
            Some(tools) => packages(tools),
            // `@nextest`: a branch for each tool.
            None if !is_release(reference) => package(reference, None, node.line),
            None => Vec::new(),
        },
        "baptiste0928/cargo-install" | "actions-rs/install" => {
            let version = with("version").and_then(Node::text).filter(|version| *version != "latest");
            with("crate").and_then(|name| Some(package(name.text()?, version, name.line))).unwrap_or_default()
        }
        "actions-rs/cargo" | "clechasseur/rs-cargo" => {
            let command = with("command").and_then(|node| Some((node.text()?.to_owned(), node.line)));
            let words: Vec<_> = command.into_iter().collect();
            let line = words.first().map_or(node.line, |(_, line)| *line);
            let words = [vec![("cargo".to_owned(), line)], words].concat();
            shell::words(&words, &Variables::new())
        }
        _ => Vec::new(),
    }
}

/// Whether what stands behind `@` is a release, a commit or a main branch.
fn is_release(reference: &str) -> bool {
    let digits = reference.strip_prefix('v').unwrap_or(reference);
    digits.starts_with(|c: char| c.is_ascii_digit())
        || (reference.len() >= 40 && reference.chars().all(|c| c.is_ascii_hexdigit()))
        || matches!(reference, "main" | "master" | "HEAD")
}

/// The packages of a list such as `just,nextest@0.9`.
fn packages(list: &Node) -> Vec<Call> {
    let Some(text) = list.text() else { return Vec::new() };
    let names = text.lines().enumerate().flat_map(|(below, line)| {
        line.split([',', ' '])
            .map(move |name| (name.trim(), list.line + below))
            .filter(|(name, _)| !name.is_empty())
    });
    let calls = names.flat_map(|(text, line)| {
        let (name, version) =
            text.split_once('@').map_or((text, None), |(name, version)| (name, Some(version)));
        package(name, version.filter(|version| *version != "latest"), line)
    });
    calls.collect()
}

/// A package by the name that the installing actions have for it: `nextest` is short for `cargo-nextest`.
fn package(name: &str, version: Option<&str>, line: usize) -> Vec<Call> {
    let name = if name == "nextest" { "cargo-nextest" } else { name };
    shell::package(name, version, line)
}

/// pre-commit: hooks in `language: system` (`unsupported` since 4.4). A `script` is a file of the project by its path, the other
/// languages bring their own programs.
pub(super) fn pre_commit(text: &str) -> Vec<Call> {
    let yaml = parse(text);
    let mut calls = Vec::new();
    let repositories = yaml.documents.iter().filter_map(|document| document.get("repos"));
    for repository in repositories.flat_map(Node::list) {
        let hooks = repository.get("hooks").map(|hooks| yaml.follow(hooks));
        for hook in hooks.map(Node::list).unwrap_or_default() {
            let hook = yaml.follow(hook);
            let language = hook.get("language").and_then(Node::text);
            if !matches!(language, Some("system" | "unsupported")) {
                continue;
            }
            if let Some((entry, text)) = hook.get("entry").and_then(|entry| Some((entry, entry.text()?))) {
                calls.extend(shell::read(text, entry.line, &Variables::new()));
            }
        }
    }
    calls
}
