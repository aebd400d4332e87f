//! The names that the reader of commands knows.

/// Words of the shell itself: builtins of bash and POSIX. Those that start commands are looked at before.
const BUILTINS: &[&str] = &[
    ".",
    ":",
    "[",
    "[[",
    "alias",
    "bg",
    "bind",
    "break",
    "builtin",
    "caller",
    "cd",
    "command",
    "compgen",
    "complete",
    "compopt",
    "continue",
    "declare",
    "dirs",
    "disown",
    "echo",
    "enable",
    "eval",
    "exec",
    "exit",
    "export",
    "false",
    "fc",
    "fg",
    "getopts",
    "hash",
    "help",
    "history",
    "jobs",
    "kill",
    "let",
    "local",
    "logout",
    "mapfile",
    "popd",
    "printf",
    "pushd",
    "pwd",
    "read",
    "readarray",
    "readonly",
    "return",
    "set",
    "shift",
    "shopt",
    "source",
    "suspend",
    "test",
    "times",
    "trap",
    "true",
    "type",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "unset",
    "wait",
];

/// Words that the grammar gives a meaning where a command begins.
const KEYWORDS: &[&str] = &[
    "!", "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in",
    "select", "then", "time", "until", "while", "{", "}",
];

/// What rustup brings: the toolchain, and no tool.
const TOOLCHAIN: &[&str] = &[
    "cargo",
    "cargo-clippy",
    "cargo-fmt",
    "cargo-miri",
    "clippy-driver",
    "rust-analyzer",
    "rust-gdb",
    "rust-gdbgui",
    "rust-lldb",
    "rustc",
    "rustdoc",
    "rustfmt",
    "rustup",
];

/// Subcommands of cargo itself and of its toolchain, with their short names.
const SUBCOMMANDS: &[&str] = &[
    "add",
    "b",
    "bench",
    "build",
    "c",
    "check",
    "clean",
    "clippy",
    "config",
    "d",
    "doc",
    "fetch",
    "fix",
    "fmt",
    "generate-lockfile",
    "git-checkout",
    "help",
    "info",
    "init",
    "install",
    "locate-project",
    "login",
    "logout",
    "metadata",
    "miri",
    "new",
    "owner",
    "package",
    "pkgid",
    "publish",
    "r",
    "read-manifest",
    "remove",
    "report",
    "rm",
    "run",
    "rustc",
    "rustdoc",
    "search",
    "t",
    "test",
    "tree",
    "uninstall",
    "update",
    "vendor",
    "verify-project",
    "version",
    "yank",
];

pub(super) fn is_builtin(name: &str) -> bool {
    BUILTINS.contains(&name)
}

pub(super) fn is_keyword(name: &str) -> bool {
    KEYWORDS.contains(&name)
}

pub(super) fn is_toolchain(name: &str) -> bool {
    TOOLCHAIN.contains(&name)
}

pub(super) fn is_cargos_own(name: &str) -> bool {
    SUBCOMMANDS.contains(&name)
}

/// A program that starts the command which follows its options.
pub(super) struct Wrapper {
    pub(super) name: &'static str,
    /// The word that has to come first, such as the `run` of `rustup run`.
    pub(super) verb: &'static str,
    /// Options that take the next word.
    pub(super) values: &'static [&'static str],
    /// Words between the options and the command.
    pub(super) operands: usize,
    /// Whether the command may be one string that a shell is given.
    pub(super) by_shell: bool,
}

const fn wrapper(name: &'static str, values: &'static [&'static str]) -> Wrapper {
    Wrapper { name, verb: "", values, operands: 0, by_shell: false }
}

const WRAPPERS: &[Wrapper] = &[
    Wrapper { by_shell: true, ..wrapper("env", &["-u", "--unset", "-C", "--chdir"]) },
    wrapper("cross-env", &[]),
    wrapper("cross-env-shell", &[]),
    Wrapper { by_shell: true, ..wrapper("dotenv", &["-e", "-f", "-v", "-p"]) },
    wrapper(
        "sudo",
        &[
            "-u", "--user", "-g", "--group", "-C", "-h", "--host", "-p", "--prompt", "-D", "--chdir", "-r",
            "-t", "-U",
        ],
    ),
    wrapper("doas", &["-u", "-C"]),
    wrapper("gosu", &[]),
    wrapper("exec", &["-a"]),
    wrapper("nohup", &[]),
    wrapper("setsid", &[]),
    wrapper("chronic", &[]),
    wrapper("unbuffer", &[]),
    wrapper("caffeinate", &["-t", "-w"]),
    wrapper("nice", &["-n", "--adjustment"]),
    wrapper("ionice", &["-c", "--class", "-n", "--classdata"]),
    wrapper("stdbuf", &["-i", "-o", "-e", "--input", "--output", "--error"]),
    wrapper("time", &["-f", "--format", "-o", "--output"]),
    Wrapper { operands: 1, ..wrapper("timeout", &["-k", "--kill-after", "-s", "--signal"]) },
    Wrapper { operands: 1, ..wrapper("gtimeout", &["-k", "--kill-after", "-s", "--signal"]) },
    Wrapper { operands: 1, ..wrapper("taskset", &[]) },
    Wrapper { operands: 1, ..wrapper("chrt", &[]) },
    Wrapper { operands: 1, ..wrapper("flock", &["-w", "--timeout", "-E"]) },
    wrapper(
        "xargs",
        &[
            "-I",
            "-n",
            "-P",
            "-L",
            "-d",
            "-s",
            "-E",
            "-a",
            "--max-args",
            "--max-procs",
            "--max-lines",
            "--delimiter",
        ],
    ),
    Wrapper {
        by_shell: true,
        ..wrapper("parallel", &["-j", "--jobs", "-a", "--arg-file", "-N", "--joblog"])
    },
    Wrapper { by_shell: true, ..wrapper("watch", &["-n", "--interval"]) },
    Wrapper { by_shell: true, ..wrapper("entr", &[]) },
    Wrapper {
        by_shell: true,
        ..wrapper(
            "watchexec",
            &[
                "-w",
                "--watch",
                "-e",
                "--exts",
                "-f",
                "--filter",
                "-i",
                "--ignore",
                "-d",
                "--debounce",
                "-s",
                "--signal",
                "--shell",
                "--delay-run",
                "--stop-signal",
                "--stop-timeout",
                "-o",
                "--on-busy-update",
            ],
        )
    },
    wrapper("xvfb-run", &["-s", "--server-args", "-n", "--server-num", "-e", "--error-file"]),
    wrapper("strace", &["-e", "-o", "-p", "-s", "-u"]),
    wrapper("ltrace", &["-e", "-o", "-p", "-s", "-u"]),
    wrapper("valgrind", &[]),
    wrapper("samply", &["-o", "--output", "-r", "--rate"]),
    Wrapper { verb: "run", operands: 1, ..wrapper("rustup", &[]) },
    Wrapper { verb: "exec", operands: 1, ..wrapper("direnv", &[]) },
    Wrapper { verb: "run", ..wrapper("envtool", &["-C", "--directory"]) },
    Wrapper { verb: "run", ..wrapper("op", &["--env-file"]) },
    Wrapper { verb: "run", ..wrapper("doppler", &["-p", "-c"]) },
];

pub(super) fn find_wrapper(name: &str) -> Option<&'static Wrapper> {
    WRAPPERS.iter().find(|wrapper| wrapper.name == name)
}

/// Options of `cargo` before its subcommand that take the next word.
pub(super) const CARGO_VALUES: &[&str] = &["--color", "--config", "-Z", "-C", "--explain"];

/// Options of `cargo install`, `cargo binstall` and their like that take the next word.
pub(super) const INSTALL_VALUES: &[&str] = &[
    "--version",
    "--vers",
    "--git",
    "--branch",
    "--tag",
    "--rev",
    "--path",
    "--root",
    "--registry",
    "--index",
    "-F",
    "--features",
    "--profile",
    "--target",
    "--target-dir",
    "--bin",
    "--example",
    "-j",
    "--jobs",
    "--color",
    "--config",
    "-Z",
    "--message-format",
    "-C",
    "--targets",
    "--roots",
    "--install-path",
    "--manifest-path",
    "--pkg-url",
    "--pkg-fmt",
    "--bin-dir",
    "--log-level",
    "--rate-limit",
    "--strategies",
    "--disable-strategies",
    "--github-token",
    "--min-tls-version",
    "--root-certificates",
    "--maximum-resolution-timeout",
    "--lockfile-path",
];

/// Options before which a bare `nextest` is a package or a feature.
pub(super) const NAME_VALUES: &[&str] =
    &["-p", "--package", "-F", "--features", "--exclude", "--bin", "--test"];

/// Variables that name a program which cargo starts.
pub(super) fn is_program_of_cargo(variable: &str) -> bool {
    matches!(
        variable,
        "RUSTC_WRAPPER"
            | "RUSTC_WORKSPACE_WRAPPER"
            | "CARGO_BUILD_RUSTC_WRAPPER"
            | "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER"
    ) || variable
        .strip_prefix("CARGO_TARGET_")
        .is_some_and(|rest| rest.ends_with("_RUNNER") || rest.ends_with("_LINKER"))
}
