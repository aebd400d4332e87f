//! The half of `global-module` that looks at first lines: which Python starts a script of the project.
//!
//! A Python of one user, of a version manager or of a virtual environment, and one that is not on this machine, is what
//! no other machine has. The system's is on most; it counts where the script imports what it would not find there,
//! since that Python does not see the environment's modules, and only where the script can be started by its first
//! line. A script that imports what only this machine has, and no pin can bring, is left to the system's Python.

use std::path::{Path, PathBuf};

use super::global_module::File;
use super::{Finding, Remedy, Scene, Severity, Step};
use crate::fault::Result;
use crate::fs;
use crate::python_imports::Import;

/// What a first line says: the program by its path, and the rest.
struct Called<'a> {
    program: &'a Path,
    arguments: &'a str,
}

/// The Python that a line starts by its path; `None` for any other line, for `env`, and for Python 2.
fn called(line: &str) -> Option<Called<'_>> {
    let rest = line.strip_prefix("#!")?.trim();
    let (program, arguments) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
    let version = program.rsplit_once('/')?.1.strip_prefix("python")?;
    let is_version = version.chars().all(|c| c.is_ascii_digit() || c == '.');
    (program.starts_with('/') && is_version && !version.starts_with('2'))
        .then(|| Called { program: Path::new(program), arguments: arguments.trim() })
}

/// What is wrong with the first line of a file, whose first import from outside is `outside`.
pub(super) fn finding(
    check: &'static str,
    file: &File,
    outside: Option<&Import>,
    scene: &Scene<'_>,
) -> Result<Option<Finding>> {
    let Some(line) = file.first_line.as_deref() else { return Ok(None) };
    let Some(Called { program, arguments }) = called(line) else { return Ok(None) };
    // What may be for Python 2 is left to it.
    let says_3 = program.to_string_lossy().rsplit('/').next().is_some_and(|name| name.starts_with("python3"));
    if program.starts_with(scene.environment.layout().root()) || file.is_broken && !says_3 {
        return Ok(None);
    }
    let why = if !fs::is_file(program)? {
        "that is not on this machine".to_owned()
    } else if is_of_one(program, scene)? {
        "that is the Python of one user or one folder of this machine, not the environment's".to_owned()
    } else if let Some(import) = outside.filter(|_| file.is_executable) {
        format!(
            "that Python does not see the environment, and line {} imports {}",
            import.line, import.module
        )
    } else {
        return Ok(None);
    };
    let to = match arguments {
        "" => "#!/usr/bin/env python3".to_owned(),
        arguments => format!("#!/usr/bin/env -S python3 {arguments}"),
    };
    // `env -S` gives these a meaning of its own; and who wrote what no terminal shows knows why.
    let is_plain = !arguments.contains(['\\', '$', '"', '\'', '#']) && !line.contains(char::is_control);
    Ok(Some(Finding {
        check,
        severity: Severity::Warning,
        subject: file.path.display().to_string(),
        message: format!("its first line is `{}`: {why}", line.escape_debug()),
        remedy: match is_plain {
            true => Remedy::step(Step::Shebang { file: file.path.clone(), from: line.to_owned(), to }),
            false => Remedy::User("write `#!/usr/bin/env -S python3` with these arguments there".to_owned()),
        },
    }))
}

/// Whether a program belongs to one user, a version manager or a virtual environment.
fn is_of_one(program: &Path, scene: &Scene<'_>) -> Result<bool> {
    let home = scene.context.variables(|name| name == "HOME").into_values().map(PathBuf::from);
    let homes = ["/home", "/Users", "/root"].map(PathBuf::from);
    let managers = [".pyenv", "pyenv", "miniconda3", "anaconda3", "conda", ".venv", "venv"];
    let is_managed = program.components().any(|part| managers.iter().any(|name| part.as_os_str() == *name));
    let is_venv = || match program.parent().and_then(Path::parent) {
        Some(above) => fs::is_file(&above.join("pyvenv.cfg")),
        None => Ok(false),
    };
    let is_homely = home.chain(homes).any(|home| home.components().count() > 1 && program.starts_with(home));
    Ok(is_homely || is_managed || is_venv()?)
}

#[cfg(test)]
mod tests {
    use super::called;

    #[test]
    fn a_line_starts_a_python_by_its_path_or_not_at_all() {
        let shown =
            |line: &str| called(line).map(|call| format!("{}|{}", call.program.display(), call.arguments));
        assert_eq!(shown("#!/home/me/bin/python3.9").as_deref(), Some("/home/me/bin/python3.9|"));
        assert_eq!(shown("#! /usr/bin/python  -u -O ").as_deref(), Some("/usr/bin/python|-u -O"));
        for no in [
            "#!/usr/bin/env python3",
            "#!python",
            "#!.venv/bin/python",
            "#!/bin/sh",
            "#!/usr/bin/python2.7",
            "#!/x/python-wrapper",
            "#!@PYTHON@",
            "# /usr/bin/python3",
            "#!",
        ] {
            assert_eq!(shown(no), None, "{no}");
        }
    }
}
