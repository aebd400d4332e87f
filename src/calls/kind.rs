//! Which files call commands, by their path.

/// A kind of file that calls commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A script for sh, bash, zsh, ksh or dash.
    Shell,
    /// A justfile.
    Just,
    /// A makefile.
    Make,
    /// `package.json`: its scripts.
    PackageJson,
    /// `.cargo/config.toml`: aliases, and the programs that cargo starts.
    CargoConfig,
    /// `Makefile.toml` of cargo-make.
    CargoMake,
    /// `bacon.toml`.
    Bacon,
    /// A Dockerfile or Containerfile: its `RUN`.
    Dockerfile,
    /// `.pre-commit-config.yaml`.
    PreCommit,
    /// A workflow of GitHub, Gitea or Forgejo, or an action of theirs.
    GithubActions,
    /// GitLab CI.
    GitlabCi,
    /// Woodpecker, and Drone before it.
    Woodpecker,
    /// `CircleCI`.
    CircleCi,
    /// Azure Pipelines.
    AzurePipelines,
    /// Travis CI.
    Travis,
    /// Cirrus CI.
    Cirrus,
    /// `Taskfile.yml`.
    Taskfile,
    /// `lefthook.yml`.
    Lefthook,
    /// A script in Python.
    Python,
}

/// Folders whose files are not the project's own.
const FOREIGN: &[&str] = &["node_modules", "target", "vendor", ".git", ".envtool", ".venv", "venv"];

/// Whether files below a folder of this name are not the project's own.
pub fn is_foreign(folder: &str) -> bool {
    FOREIGN.contains(&folder)
}

/// Folders below `tests` that hold what tests read, such as samples of scripts.
const DATA: &[&str] =
    &["source", "sources", "data", "input", "inputs", "expected", "samples", "corpus", "cases", "golden"];

/// Folders whose files without an ending git runs.
const HOOKS: &[&str] = &[".husky", ".githooks", ".hooks", "git-hooks"];

/// What kind of file a path of a project is: `path` is relative to the project, with `/`; `first_line` is the file's
/// first line, which decides on files without an ending. `None`: it is not one that calls commands, or the script of a
/// language that is not looked into.
pub fn kind_of(path: &str, first_line: &str) -> Option<Kind> {
    let mut folders: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let file = folders.pop()?;
    let below_tests = folders.iter().skip_while(|folder| !matches!(**folder, "test" | "tests")).skip(1);
    if folders.iter().any(|folder| is_foreign(folder)) || below_tests.into_iter().any(is_data) {
        return None;
    }
    by_place(&folders, file).or_else(|| by_name(file)).or_else(|| script(&folders, file, first_line))
}

fn is_data(folder: &&str) -> bool {
    DATA.contains(folder)
}

/// Files that count only in a certain folder.
fn by_place(folders: &[&str], file: &str) -> Option<Kind> {
    let yaml = ending(file, &["yml", "yaml"]);
    match folders {
        [.., ".cargo"] if file == "config.toml" || file == "config" => Some(Kind::CargoConfig),
        [.., ".github" | ".gitea" | ".forgejo", "workflows"] if yaml => Some(Kind::GithubActions),
        [.., ".circleci"] if yaml => Some(Kind::CircleCi),
        [.., ".woodpecker"] if yaml => Some(Kind::Woodpecker),
        [".azure" | ".azure-pipelines" | ".pipelines", ..] if yaml => Some(Kind::AzurePipelines),
        [".gitlab" | ".gitlab-ci", ..] if yaml => Some(Kind::GitlabCi),
        _ => None,
    }
}

/// Files that count wherever they lie.
fn by_name(file: &str) -> Option<Kind> {
    let yaml = ending(file, &["yml", "yaml"]);
    let stem = file.trim_end_matches(".yaml").trim_end_matches(".yml").to_ascii_lowercase();
    let stem = stem.strip_prefix('.').unwrap_or(&stem);
    if yaml {
        return match stem {
            "pre-commit-config" => Some(Kind::PreCommit),
            "action" => Some(Kind::GithubActions),
            "woodpecker" | "drone" => Some(Kind::Woodpecker),
            "travis" => Some(Kind::Travis),
            "cirrus" => Some(Kind::Cirrus),
            "taskfile" | "taskfile.dist" => Some(Kind::Taskfile),
            "lefthook" | "lefthook-local" => Some(Kind::Lefthook),
            _ if stem.ends_with("gitlab-ci") => Some(Kind::GitlabCi),
            _ if stem.starts_with("azure-pipelines") => Some(Kind::AzurePipelines),
            _ => None,
        };
    }
    let lower = file.to_ascii_lowercase();
    match lower.as_str() {
        "justfile" | ".justfile" => Some(Kind::Just),
        "makefile" | "gnumakefile" | "bsdmakefile" => Some(Kind::Make),
        "makefile.toml" => Some(Kind::CargoMake),
        "package.json" => Some(Kind::PackageJson),
        "bacon.toml" | ".bacon.toml" => Some(Kind::Bacon),
        "dockerfile" | "containerfile" => Some(Kind::Dockerfile),
        ".envrc" => Some(Kind::Shell),
        _ if ending(file, &["just"]) => Some(Kind::Just),
        _ if ending(file, &["mk", "mak"]) => Some(Kind::Make),
        _ if ending(file, &["dockerfile", "containerfile"]) => Some(Kind::Dockerfile),
        _ if lower.starts_with("dockerfile.") || lower.starts_with("containerfile.") => {
            Some(Kind::Dockerfile)
        }
        _ => None,
    }
}

/// Scripts: by the first line where it names an interpreter, else by the ending.
fn script(folders: &[&str], file: &str, first_line: &str) -> Option<Kind> {
    let shell = ending(file, &["sh", "bash", "zsh", "ksh", "dash"]);
    if ending(file, &["py"]) {
        return Some(Kind::Python);
    }
    if !shell && file.trim_start_matches('.').contains('.') {
        return None;
    }
    match interpreter(first_line).as_deref() {
        Some(name) if is_shell(name) => Some(Kind::Shell),
        Some("just") => Some(Kind::Just),
        Some("make" | "gmake") => Some(Kind::Make),
        Some(name) if name.starts_with("python") && !shell => Some(Kind::Python),
        Some(_) => None,
        None if shell => Some(Kind::Shell),
        None => folders
            .last()
            .is_some_and(|folder| HOOKS.contains(folder) && !file.starts_with('.'))
            .then_some(Kind::Shell),
    }
}

/// Whether the file's name ends in one of these endings, in whichever case.
fn ending(file: &str, endings: &[&str]) -> bool {
    file.rsplit_once('.').is_some_and(|(stem, ending)| {
        !stem.is_empty() && endings.iter().any(|wanted| ending.eq_ignore_ascii_case(wanted))
    })
}

/// The program that a `#!` line names, without its folder; behind `env` the one that env starts.
pub(super) fn interpreter(first_line: &str) -> Option<String> {
    let mut words = first_line.strip_prefix("#!")?.split_whitespace();
    let program = base(words.next()?);
    if program != "env" {
        return Some(program.to_owned());
    }
    words.find(|word| !word.starts_with('-') && !word.contains('=')).map(|word| base(word).to_owned())
}

/// Whether this program reads what `shell/` reads.
pub(super) fn is_shell(name: &str) -> bool {
    matches!(name.trim_end_matches(".exe"), "sh" | "bash" | "zsh" | "ksh" | "mksh" | "dash" | "ash")
}

/// The last part of a path.
pub(super) fn base(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
