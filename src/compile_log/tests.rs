//! Logs as cargo 1.95 writes them, shortened.

use super::{cure, last_error, progress};

#[test]
fn what_cargo_draws_of_its_progress_is_read() {
    let line = "    Building [=====>     ] 112/160: serde_derive, syn(build.rs)      \r";
    assert_eq!(progress(line), Some((112, 160, "serde_derive, syn(build.rs)")));
    assert_eq!(progress("    Building [  ] 0/2\r"), Some((0, 2, "")));
    for other in ["   Compiling a v1.0.0\n", "    Building a\n", "Building [x] a/b: c", "error: [x] 1/2", ""]
    {
        assert_eq!(progress(other), None, "{other}");
    }
}

const COMPILER: &str = "\
   Compiling err v0.9.1 (/tmp/err)
warning: unused variable: `y`
 --> src/main.rs:1:5

error[E0308]: mismatched types
 --> src/main.rs:2:26
  |
2 | fn main() { let x: u32 = \"a\"; foo(); }
  |                    ---   ^^^ expected `u32`, found `&str`

error: function `f` is never used
 --> src/main.rs:3:4
  |
3 | fn f() {}
  |    ^
  |
note: the lint level is defined here
 --> src/main.rs:1:9
  |
1 | #![deny(warnings)]
  |         ^^^^^^^^
  = note: `#[deny(dead_code)]` implied by `#[deny(warnings)]`

Some errors have detailed explanations: E0308, E0425.
For more information about an error, try `rustc --explain E0308`.
error: could not compile `err` (bin \"err\") due to 2 previous errors
";

const SCRIPT: &str = "\
   Compiling openssl-sys v0.9.1
warning: openssl-sys@0.9.1: something
error: failed to run custom build command for `openssl-sys v0.9.1`

Caused by:
  process didn't exit successfully: `/tmp/build-script-build` (exit status: 101)
  --- stdout
  cargo:rerun-if-env-changed=OPENSSL_DIR
  cargo:warning=Could not find directory of OpenSSL installation
  OPENSSL_DIR unset
  cargo::rerun-if-changed=x

  --- stderr


  error: this is what the script printed

  thread 'main' panicked at build.rs:1:195:
  Could not find directory of OpenSSL installation

  $HOST = x86_64-unknown-linux-gnu
  note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
warning: build failed, waiting for other jobs to finish...
   Compiling other v1.0.0
";

const LINKER: &str = "\
   Compiling link v0.9.1 (/tmp/link)
error: linking with `cc` failed: exit status: 1
  |
  = note:  \"cc\" \"-m64\" \"/tmp/symbols.o\" \"-lasound\"
  = note: some arguments are omitted. use `--verbose` to show all linker arguments
  = note: rust-lld: error: unable to find library -lasound
          collect2: error: ld returned 1 exit status
          

error: could not compile `link` (bin \"link\") due to 1 previous error
";

/// A build script's failure with this on its standard error.
fn script(name: &str, stderr: &str) -> String {
    let stderr: Vec<String> = stderr.lines().map(|line| format!("  {line}")).collect();
    format!(
        "error: failed to run custom build command for `{name} v1.0.0`\n\nCaused by:\n  process didn't exit \
         successfully: `/t/build-script-build` (exit status: 101)\n  --- stderr\n{}\n",
        stderr.join("\n")
    )
}

#[test]
fn the_compilers_last_message_is_whole() {
    let error = last_error(COMPILER);
    assert!(error.starts_with("error: function `f` is never used\n --> src/main.rs:3:4"), "{error}");
    assert!(error.ends_with("`#[deny(dead_code)]` implied by `#[deny(warnings)]`"), "{error}");
    let first = COMPILER.replace("error: function", "warning: function");
    let error = last_error(&first);
    assert!(error.starts_with("error[E0308]") && error.ends_with("found `&str`"), "{error}");
    let error = last_error(
        "error: hi\n       there\n --> src/main.rs:1:36\n\nerror: aborting due to 1 previous error\n",
    );
    assert_eq!(error, "error: hi\n       there\n --> src/main.rs:1:36");
}

#[test]
fn what_a_build_script_printed_is_whole_without_its_directives() {
    let error = last_error(&format!("{SCRIPT}error: could not compile `other` (lib)\n"));
    assert!(
        error.starts_with("error: failed to run custom build command for `openssl-sys v0.9.1`\n\nCaused by:")
    );
    for kept in
        ["OPENSSL_DIR unset", "cargo:warning=Could not find", "  error: this is what", "$HOST = x86_64"]
    {
        assert!(error.contains(kept), "{kept}: {error}");
    }
    for cut in ["rerun-if", "waiting for other jobs", "Compiling", "could not compile"] {
        assert!(!error.contains(cut), "{cut}: {error}");
    }
    let bare = SCRIPT.replace(
        "  cargo:warning=Could not find directory of OpenSSL installation\n  OPENSSL_DIR unset\n",
        "",
    );
    let error = last_error(&bare);
    assert!(!error.contains("--- stdout") && error.contains("(exit status: 101)\n  --- stderr\n"), "{error}");
    let logged = "   Compiling a v0.9.1\nerror: a@0.9.1: first line\nerror: a@0.9.1: second line\nwarning: a@0.9.1: careful\nerror: build script logged errors\n";
    assert_eq!(last_error(logged), "error: a@0.9.1: first line\nerror: a@0.9.1: second line");
}

#[test]
fn the_linker_and_cargo_itself_are_heard() {
    let error = last_error(LINKER);
    assert!(
        error.starts_with("error: linking with `cc` failed") && error.ends_with("ld returned 1 exit status")
    );
    let killed = "   Compiling a v1.0.0\nerror: could not compile `a` (lib)\n\nCaused by:\n  process didn't exit successfully: `rustc` (signal: 9, SIGKILL: kill)\n";
    assert!(last_error(killed).ends_with("(signal: 9, SIGKILL: kill)"));
    let failed =
        "error: could not compile `a` (lib)\nwarning: build failed, waiting for other jobs to finish...\n";
    assert_eq!(last_error(failed), failed.trim_end());
    let manifest = "error: failed to parse manifest at `/a/Cargo.toml`\n\nCaused by:\n  failed to parse the `edition` key\n\nCaused by:\n  this version of Cargo is older than the `2029` edition, and only supports `2024` editions.\n";
    assert_eq!(last_error(manifest), manifest.trim_end());
}

#[test]
fn an_error_is_empty_for_an_empty_log_only_and_no_terminal_obeys_it() {
    for log in [
        "x",
        "   Compiling a v1\n",
        "\n\n",
        "\u{7}",
        "error",
        "error:",
        "\u{1b}[1m",
        "error: could not compile `a`",
    ] {
        assert!(!last_error(log).is_empty(), "{log:?}");
    }
    assert_eq!(last_error(""), "");
    let many: Vec<String> = (0..100).map(|n| format!("line {n}")).collect();
    assert!(last_error(&many.join("\n")).starts_with("line 80\n"));
    let coloured = "\u{1b}[1m\u{1b}[91merror[E0308]\u{1b}[0m\u{1b}[1m: mismatched\u{1b}[0m\r\n \u{1b}[94m-->\u{1b}[0m a.rs\r\n\u{1b}]0;title\u{7}  | \u{8}x\n";
    assert_eq!(last_error(coloured), "error[E0308]: mismatched\n --> a.rs\n  | x");
    for odd in ["\u{1b}", "\u{1b}[", "\u{1b}]", "error: \u{1b}[31", "error[\u{9b}31m"] {
        assert!(!last_error(odd).contains(|c: char| c.is_control()), "{odd:?}");
    }
}

#[test]
fn known_causes_have_a_cure() {
    let protoc = "thread 'main' panicked at build.rs:48:10:\ncalled `Result::unwrap()` on an `Err` value: Custom { kind: NotFound, error: \"Could not find `protoc`. If `protoc` is installed, try setting the `PROTOC` environment variable\" }";
    let cmake = "thread 'main' panicked at cmake-0.1.58/src/lib.rs:1132:5:\n\nfailed to execute command: No such file or directory (os error 2)\nis `cmake` not installed?\n\nbuild script failed, must exit now";
    let libclang = "thread 'main' (5869) panicked at bindgen-0.71.1/lib.rs:604:27:\nUnable to find libclang: \"couldn't find any valid shared libraries matching: ['libclang.so', 'libclang-*.so'], set the `LIBCLANG_PATH` environment variable\"";
    let pkg_config = "Could not run `PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 pkg-config --libs --cflags NAME`\nThe pkg-config command could not be found.\n\nMost likely, you need to install a pkg-config package for your OS.";
    let missing = "pkg-config exited with status code 1\n> PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 pkg-config --libs --cflags NAME\n\nThe system library `NAME` required by crate `NAME-sys` was not found.\nThe file `NAME.pc` needs to be installed and the PKG_CONFIG_PATH environment variable must contain its parent directory.";
    let cc = "error occurred in cc-rs: failed to find tool \"c++\": No such file or directory (os error 2) (see the docs for help)";
    for (log, expected) in [
        (SCRIPT.to_owned(), "install OpenSSL's headers: Debian `apt install libssl-dev pkg-config`, Fedora `dnf install openssl-devel pkgconf`, Homebrew `brew install openssl@3 pkgconf`"),
        (LINKER.to_owned(), "install ALSA's headers"),
        (LINKER.replace("unable to find library -lasound", "/usr/bin/ld: cannot find -lpq: No such file"), "install libpq's"),
        (script("prost-wkt-types", protoc), "install protobuf's compiler: Debian `apt install protobuf-compiler`"),
        (script("libz-sys", cmake), "install CMake: Debian `apt install cmake`"),
        (script("zstd-sys", libclang), "install libclang: Debian `apt install libclang-dev`"),
        (script("openssl-sys", pkg_config), "install OpenSSL's headers"),
        (script("banana-sys", pkg_config), "install pkg-config: Debian `apt install pkg-config`, Fedora `dnf install pkgconf-pkg-config`"),
        (script("gdk-sys", &missing.replace("NAME", "pango")), "install Pango's headers"),
        (script("alsa-sys", &missing.replace("NAME", "alsa")), "install ALSA's headers"),
        (script("banana-sys", &missing.replace("NAME", "banana")), "Fedora `dnf install 'pkgconfig(banana)'`"),
        (script("ring", cc), "install a C compiler and a linker: Debian `apt install build-essential`, Fedora `dnf install gcc gcc-c++`, macOS `xcode-select --install`"),
        (script("openssl-sys", "Command 'perl' not found. Is perl installed?"), "install Perl"),
        (script("aws-lc-sys", "Missing dependency: cmake"), "install CMake"),
        (script("aws-lc-sys", "NASM command not found! Build cannot continue."), "install NASM"),
        ("error: linker `cc` not found\n  |\n  = note: No such file or directory (os error 2)\n".to_owned(), "install a C compiler"),
        ("error: could not write output: No space left on device (os error 28)\n".to_owned(), "the disk is full: free some space"),
        ("error: could not compile `a` (lib)\n\nCaused by:\n  process didn't exit successfully: `rustc` (signal: 9, SIGKILL: kill)\n".to_owned(), "`CARGO_BUILD_JOBS=1`"),
        ("error: rustc 1.70.0 is not supported by the following packages:\n  a@1.0.0 requires rustc 1.9\n  b@0.9.1 requires rustc 1.85.1\nEither upgrade rustc\n".to_owned(), "Rust 1.85.1 or newer: `rustup update`"),
        ("error: package `a v1.0.0` cannot be built because it requires rustc 1.80 or newer, while the currently active rustc version is 1.70.0\n".to_owned(), "Rust 1.80 or newer"),
        ("error: failed to parse manifest\n\nCaused by:\n  feature `edition2024` is required\n".to_owned(), "newer Rust: `rustup update`"),
        ("error: failed to parse manifest\n\nCaused by:\n  this version of Cargo is older than the `2029` edition\n".to_owned(), "`rustup update`"),
    ] {
        let cure = cure(&log).unwrap_or_else(|| panic!("{log}"));
        assert!(cure.contains(expected), "{expected}: {cure}\n{log}");
    }
    for log in [
        COMPILER.to_owned(),
        String::new(),
        script("openssl-sys", "assertion failed"),
        script("serde", "could not find x"),
        "The file `$(reboot).pc` needs".to_owned(),
    ] {
        assert_eq!(cure(&log), None, "{log}");
    }
}
