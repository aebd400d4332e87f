//! `RECORD`, the list of a distribution's files: path, digest, size as CSV; and what can be imported from them (the
//! language reference, "The import system"; PEP 420 for namespaces).

use std::collections::BTreeSet;

use super::Provides;

/// A path below the folder that distributions are installed in: names with `/` between them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Inside(String);

impl Inside {
    /// The path; `None` where it would leave the folder, or is not what a plain path is.
    pub fn new(text: &str) -> Option<Self> {
        let plain = |part: &str| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && !part.contains(['\\', ':', '\0'])
                && !part.contains(char::is_control)
        };
        text.split('/').all(plain).then(|| Self(text.to_owned()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its names.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

/// Where a file of a distribution lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the folder that distributions are installed in.
    Inside(Inside),
    /// Elsewhere, such as `../../../bin/x`: never to be joined with anything.
    Outside(String),
}

/// A file of a distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Where it lies.
    pub place: Place,
    /// Its digest, such as `sha256=…`.
    pub digest: Option<String>,
    /// Its size in bytes.
    pub size: Option<u64>,
}

fn recorded(path: &str, digest: Option<&str>, size: Option<&str>) -> Recorded {
    Recorded {
        place: Inside::new(path).map_or_else(|| Place::Outside(path.to_owned()), Place::Inside),
        digest: digest.filter(|text| !text.is_empty()).map(str::to_owned),
        size: size.and_then(|text| text.parse().ok()),
    }
}

/// Reads a `RECORD`. A row that is none is passed over.
pub(super) fn parse(text: &str) -> Vec<Recorded> {
    let reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let rows = reader.into_records().filter_map(Result::ok);
    rows.filter_map(|row| {
        let path = row.get(0).filter(|path| !path.is_empty())?;
        Some(recorded(path, row.get(1), row.get(2)))
    })
    .collect()
}

/// Reads an `installed-files.txt`: paths from the `.egg-info` folder.
pub(super) fn installed_files(text: &str) -> Vec<Recorded> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.filter_map(|line| Some(recorded(line.strip_prefix("../")?, None, None))).collect()
}

/// Whether a text can be the name of a module.
pub(super) fn is_module_name(text: &str) -> bool {
    text.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// The module that a file is: `x.py`, or an extension such as `x.cpython-311-x86_64-linux-gnu.so`.
fn module_of(file: &str) -> Option<&str> {
    let ends = |ending: &str| file.ends_with(ending);
    let stem = match file.strip_suffix(".py") {
        Some(stem) => stem,
        None if ends(".so") || ends(".pyd") || ends(".pyc") => file.split('.').next()?,
        None => return None,
    };
    is_module_name(stem).then_some(stem)
}

/// What can be imported. `namespaces` are packages that the distribution says it shares with others.
pub(super) fn provides(files: &[Recorded], namespaces: &BTreeSet<&str>) -> Provides {
    let inside = files.iter().filter_map(|file| match &file.place {
        Place::Inside(path) => Some(path.parts().collect::<Vec<_>>()),
        Place::Outside(_) => None,
    });
    // Folders, and the module in the last of them.
    let modules: Vec<(Vec<&str>, &str)> = inside
        .filter_map(|mut parts| {
            let module = module_of(parts.pop()?)?;
            parts.iter().all(|part| is_module_name(part) && *part != "__pycache__").then_some((parts, module))
        })
        .collect();
    let packages: BTreeSet<String> = modules
        .iter()
        .filter(|(_, module)| *module == "__init__")
        .map(|(folders, _)| folders.join("."))
        .filter(|package| !namespaces.contains(package.as_str()))
        .collect();
    let names = modules.iter().filter_map(|(folders, module)| {
        let above = (1..=folders.len()).map(|count| folders[..count].join("."));
        if let Some(package) = above.into_iter().find(|folder| packages.contains(folder)) {
            return Some(package);
        }
        // The file of a shared namespace itself, or a stray one.
        if *module == "__init__" {
            return None;
        }
        // How setuptools finds an editable install.
        if module.starts_with("__editable__") {
            return None;
        }
        let dotted: Vec<&str> = folders.iter().copied().chain([*module]).collect();
        Some(dotted.join("."))
    });
    Provides::new(names)
}
