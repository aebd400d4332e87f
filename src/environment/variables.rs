//! What makes a program run inside an environment: its variables.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::layout::PYTHON;

/// The variables of the environment in `root`, `None` for one that is taken away. `path` is the PATH outside, `cargo_home`
/// the user's, `has_python` whether it holds a venv.
pub fn variables(
    root: &Path,
    path: &OsStr,
    cargo_home: Option<&Path>,
    has_python: bool,
) -> Vec<(&'static str, Option<OsString>)> {
    let folder = |path: &Path| Some(path.as_os_str().to_owned());
    let mut variables = vec![
        ("PATH", Some(path_inside(root, path, cargo_home))),
        ("ENVTOOL_ENV", folder(root)),
        ("CARGO_INSTALL_ROOT", folder(root)),
    ];
    if has_python {
        variables.push(("VIRTUAL_ENV", folder(&root.join(PYTHON))));
        // It would lead Python past its environment.
        variables.push(("PYTHONHOME", None));
    }
    variables
}

/// PATH inside the environment in `root`.
///
/// It begins with the environment's `bin`. cargo's own `bin` goes behind where it is missing: cargo looks for
/// `cargo-NAME` in its home first unless that folder is on PATH (cargo's `find_external_subcommand`).
pub fn path_inside(root: &Path, path: &OsStr, cargo_home: Option<&Path>) -> OsString {
    let bin = root.join("bin");
    let mut folders: Vec<PathBuf> = vec![bin];
    for folder in std::env::split_paths(path) {
        // An absent PATH is not one that holds the current folder.
        if !folders.contains(&folder) && !path.is_empty() {
            folders.push(folder);
        }
    }
    if let Some(cargo) = cargo_home.map(|home| home.join("bin"))
        && !folders.contains(&cargo)
    {
        folders.push(cargo);
    }
    // A folder whose name holds the separator cannot stand on PATH: then PATH stays what it was.
    std::env::join_paths(folders).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use std::ffi::{OsStr, OsString};
    use std::path::Path;

    use super::path_inside;

    fn path(outside: &str) -> OsString {
        path_inside(Path::new("/p/.envtool"), OsStr::new(outside), Some(Path::new("/h/.cargo")))
    }

    #[test]
    fn doubles_go() {
        assert_eq!(path("/bin:/usr/bin:/bin"), "/p/.envtool/bin:/bin:/usr/bin:/h/.cargo/bin");
    }

    #[test]
    fn the_environment_comes_first_and_cargo_last() {
        assert_eq!(path("/usr/bin:/bin"), "/p/.envtool/bin:/usr/bin:/bin:/h/.cargo/bin");
        assert_eq!(path("/h/.cargo/bin:/bin"), "/p/.envtool/bin:/h/.cargo/bin:/bin");
        assert_eq!(path("/bin:/p/.envtool/bin"), "/p/.envtool/bin:/bin:/h/.cargo/bin", "not twice");
        assert_eq!(path_inside(Path::new("/p:q/.envtool"), OsStr::new("/bin"), None), "/bin");
    }
}
