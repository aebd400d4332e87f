//! The distributions that are installed in one folder (`site-packages`, `dist-packages`).

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::distribution::{Distribution, Provides, Texts};
use crate::fault::Result;
use crate::fs::{self, Kind};
use crate::parallel;

/// The largest file about a distribution that is read. A `RECORD` of ten thousand files is a megabyte.
const LARGEST: u64 = 16_000_000;

/// What is installed in a folder.
#[derive(Debug, Default)]
pub struct Site {
    /// Every distribution, by name.
    pub installed: Vec<Installed>,
    /// What looks like one and cannot be read: a line each.
    pub unread: Vec<String>,
}

/// A distribution, and where it is installed.
#[derive(Debug)]
pub struct Installed {
    /// What it says of itself.
    pub distribution: Distribution,
    /// The folder that it is installed in.
    pub folder: PathBuf,
    /// The folder or file that speaks of it.
    pub info: PathBuf,
    /// Since when it lies there, by the time of what its installer wrote.
    pub since: SystemTime,
}

/// Reads a folder; what is absent holds nothing. A link in it that leads elsewhere is not followed.
pub fn read(folder: &Path) -> Result<Site> {
    let mut site = Site::default();
    if !fs::is_folder(folder)? {
        return Ok(site);
    }
    let infos = fs::names(folder)?.unwrap_or_default().into_iter().filter(|name| {
        let name = name.to_string_lossy();
        // pip renames what it is about to remove to `~NAME`.
        (name.ends_with(".dist-info") || name.ends_with(".egg-info")) && !name.starts_with('~')
    });
    let infos = infos.map(|name| folder.join(name)).collect();
    for read in parallel::each(infos, |info: PathBuf| Ok(one(folder, &info)))? {
        match read {
            Ok(installed) => site.installed.push(installed),
            Err(line) => site.unread.push(line),
        }
    }
    site.installed.sort_by(|a, b| (&a.distribution.id, &a.info).cmp(&(&b.distribution.id, &b.info)));
    // Of two that speak of one package, the newer form counts: Debian leaves both.
    site.installed.sort_by_key(|one| one.info.extension().is_some_and(|ending| ending == "egg-info"));
    site.installed.sort_by(|a, b| a.distribution.id.name.cmp(&b.distribution.id.name));
    site.installed.dedup_by(|b, a| a.distribution.id.name == b.distribution.id.name);
    site.unread.sort();
    Ok(site)
}

fn one(folder: &Path, info: &Path) -> std::result::Result<Installed, String> {
    let unread = |why: String| format!("{} is passed over: {why}", info.display());
    let read = || -> Result<std::result::Result<(Distribution, SystemTime), String>> {
        let (texts, since) = match fs::kind(info)? {
            Kind::Folder => folder_texts(info)?,
            // The oldest form of all: one file.
            Kind::File => {
                let metadata = text(info)?;
                (Texts { metadata: metadata.unwrap_or_default(), ..Texts::default() }, modified(info)?)
            }
            Kind::Link => return Ok(Err("it is a link".to_owned())),
            Kind::Absent | Kind::Other => return Ok(Err("it is neither a folder nor a file".to_owned())),
        };
        let mut distribution = match Distribution::read(&texts) {
            Ok(distribution) => distribution,
            Err(why) => return Ok(Err(why)),
        };
        if distribution.provides.is_empty() {
            distribution.provides = guessed(folder, &distribution)?;
        }
        Ok(Ok((distribution, since.unwrap_or(SystemTime::UNIX_EPOCH))))
    };
    match read() {
        Ok(Ok((distribution, since))) => {
            Ok(Installed { distribution, folder: folder.to_owned(), info: info.to_owned(), since })
        }
        Ok(Err(why)) => Err(unread(why)),
        Err(fault) => Err(unread(fault.to_string())),
    }
}

fn folder_texts(info: &Path) -> Result<(Texts, Option<SystemTime>)> {
    let get = |name: &str| text(&info.join(name));
    let metadata = match get("METADATA")? {
        Some(metadata) => metadata,
        None => get("PKG-INFO")?.unwrap_or_default(),
    };
    let texts = Texts {
        metadata,
        record: get("RECORD")?,
        installed_files: get("installed-files.txt")?,
        top_level: get("top_level.txt")?,
        namespace_packages: get("namespace_packages.txt")?,
        entry_points: get("entry_points.txt")?,
        direct_url: get("direct_url.json")?,
        installer: get("INSTALLER")?,
    };
    // What the installer writes itself. Other files may have the time that they had in the archive or in a cache.
    for name in ["INSTALLER", "RECORD", "METADATA", "PKG-INFO"] {
        if let Some(since) = modified(&info.join(name))? {
            return Ok((texts, Some(since)));
        }
    }
    Ok((texts, modified(info)?))
}

/// The text of a plain file; `None` for a link, for what is large, and for what is absent.
fn text(path: &Path) -> Result<Option<String>> {
    let is_small = || fs::metadata(path).map(|about| about.is_some_and(|about| about.len() <= LARGEST));
    Ok(match fs::kind(path)? == Kind::File && is_small()? {
        true => fs::read(path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        false => None,
    })
}

fn modified(path: &Path) -> Result<Option<SystemTime>> {
    Ok(fs::metadata(path)?.as_ref().map(Metadata::modified).and_then(std::result::Result::ok))
}

/// What is importable under the package's own name, for one that says nothing at all of what it holds.
fn guessed(folder: &Path, distribution: &Distribution) -> Result<Provides> {
    let name = distribution.id.name.as_str().replace('-', "_");
    let mut found = Vec::new();
    for name in [distribution.written.clone(), name] {
        if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && (fs::is_file(&folder.join(&name).join("__init__.py"))?
                || fs::is_file(&folder.join(format!("{name}.py")))?)
        {
            found.push(name);
        }
    }
    Ok(Provides::new(found))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::read;
    use crate::fs;

    fn write(folder: &Path, file: &str, text: &str) {
        let path = folder.join(file);
        fs::create_folders(path.parent().unwrap()).unwrap();
        fs::write(&path, text.as_bytes()).unwrap();
    }

    #[test]
    fn a_folder_is_read_whatever_lies_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        assert!(read(&at.join("absent")).unwrap().installed.is_empty());
        write(at, "PyYAML-6.0.1.dist-info/METADATA", "Name: PyYAML\nVersion: 6.0.1\n");
        write(at, "PyYAML-6.0.1.dist-info/RECORD", "yaml/__init__.py,,\n");
        write(at, "old.egg-info/PKG-INFO", "Name: old\nVersion: 1\n");
        write(at, "old.egg-info/top_level.txt", "old\n");
        write(at, "alone-2.0.egg-info", "Name: alone\nVersion: 2.0\n");
        write(at, "alone/__init__.py", "");
        // Both forms of one.
        write(at, "both-1.0.egg-info", "Name: both\nVersion: 1.0\n");
        write(at, "both-1.0.dist-info/METADATA", "Name: both\nVersion: 1.0\n");
        write(at, "both-1.0.dist-info/top_level.txt", "both\n");
        write(at, "broken-1.dist-info/METADATA", "no\n");
        write(at, "empty-1.dist-info/RECORD", "");
        write(at, "~gone-1.dist-info/METADATA", "Name: gone\nVersion: 1\n");
        write(at, "elsewhere/METADATA", "Name: elsewhere\nVersion: 1\n");
        #[cfg(unix)]
        std::os::unix::fs::symlink("elsewhere", at.join("link-1.dist-info")).unwrap();
        let site = read(at).unwrap();
        let shown: Vec<String> = site
            .installed
            .iter()
            .map(|one| {
                let names: Vec<&str> = one.distribution.provides.names().collect();
                format!("{}: {}", one.distribution.id, names.join(" "))
            })
            .collect();
        assert_eq!(shown, ["alone 2.0: alone", "both 1.0: both", "old 1: old", "pyyaml 6.0.1: yaml"]);
        let named = |name: &str| site.unread.iter().any(|line| line.contains(name));
        assert!(named("broken-1") && named("empty-1"), "{:?}", site.unread);
        assert!(!cfg!(unix) || named("link-1"), "{:?}", site.unread);
        assert!(site.installed.iter().all(|one| one.since.elapsed().is_ok_and(|ago| ago.as_secs() < 600)));
    }
}
