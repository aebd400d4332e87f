//! What uv put into a venv, read back: which file belongs to which package, and whether anything lies where a wheel must
//! not put it. A wheel comes from a stranger, and may hold what takes the place of the venv's own Python.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::site;
use crate::digest::{self, Digest};
use crate::distribution::{Distribution, Inside, Place, Recorded};
use crate::environment::Venv;
use crate::fault::{Fault, Result};
use crate::fs::{self, Kind};
use crate::module::ModuleId;
use crate::package::is_executable_name;
use crate::parallel;

/// What Python compiles, and writes anew whenever it likes.
const CACHES: &str = "__pycache__";

/// A package in a venv.
#[derive(Debug)]
pub struct Found {
    /// What it says of itself.
    pub distribution: Distribution,
    /// The digest of every file of it: of name and content.
    pub digest: Digest,
    /// Its files, from the venv's folder, each with its digest.
    pub files: BTreeMap<String, Digest>,
    /// The names that it has among the venv's modules.
    pub names: BTreeSet<String>,
    /// The commands that it makes.
    pub entry_points: BTreeSet<String>,
    /// Those, and the executables that it brings.
    pub executables: BTreeSet<String>,
    /// Executables of it that another package has put there too: what lies there may be the other's.
    pub doubled: BTreeMap<String, ModuleId>,
    /// The compatibility tags of its wheel, as that says itself (`WHEEL`: PEP 427).
    pub tags: BTreeSet<String>,
}

/// The names among the venv's modules. An empty folder is none: some wheels bring one, and no list of files names it.
pub fn names(venv: &Venv) -> Result<BTreeSet<String>> {
    let site = venv.site();
    let mut found = BTreeSet::new();
    for name in fs::names(&site)?.unwrap_or_default().into_iter().filter(|name| name != CACHES) {
        let path = site.join(&name);
        if !fs::is_folder(&path)? || fs::names(&path)?.is_some_and(|names| !names.is_empty()) {
            found.insert(name.to_string_lossy().into_owned());
        }
    }
    Ok(found)
}

/// Every package in a venv.
pub fn look(venv: &Venv) -> Result<Vec<Found>> {
    packages(venv, lying(venv)?, |_, _| Ok(()))
}

/// The packages of a venv in which these files lie, once `check` has nothing against them.
fn packages(
    venv: &Venv,
    lying: Vec<Lying>,
    check: impl FnOnce(&[Distribution], &[Lying]) -> Result<()>,
) -> Result<Vec<Found>> {
    let site = venv.site();
    let inside = path_inside(venv, &site);
    let read = site::read(&site)?;
    let packages: Vec<Distribution> = read.installed.into_iter().map(|one| one.distribution).collect();
    check(&packages, &lying)?;
    if let Some(line) = read.unread.first() {
        return Err(Fault::new(format!("could not read what is installed in {}", site.display()))
            .why(line.clone())
            .help("`envtool doctor --fix` makes it anew"));
    }
    let owners = Owners::of(&packages, &inside)?;
    let mut of: Vec<BTreeMap<String, Digest>> = packages.iter().map(|_| BTreeMap::new()).collect();
    for file in lying {
        if let Some(files) = owners.owner(&file.path, &inside).and_then(|owner| of.get_mut(owner)) {
            files.insert(file.path, file.digest);
        }
    }
    let found = packages.into_iter().zip(of).map(|(distribution, files)| found(distribution, files, &inside));
    found
        .map(|one| {
            let mut one = Found { tags: tags(venv, &one.files)?, ..one };
            for (path, others) in &owners.doubled {
                let Some(name) = path.strip_prefix("bin/") else { continue };
                let (own, others): (Vec<_>, Vec<_>) =
                    others.iter().partition(|id| **id == one.distribution.id);
                if let ([_], [other, ..]) = (own.as_slice(), others.as_slice()) {
                    one.entry_points.remove(name);
                    one.executables.remove(name);
                    one.doubled.insert(name.to_owned(), (*other).clone());
                }
            }
            Ok(one)
        })
        .collect()
}

/// The tags that a package's `WHEEL` names.
fn tags(venv: &Venv, files: &BTreeMap<String, Digest>) -> Result<BTreeSet<String>> {
    let Some(path) = files.keys().find(|path| path.ends_with(".dist-info/WHEEL")) else {
        return Ok(BTreeSet::new());
    };
    let text = fs::read_lossy(&venv.root.join(path))?;
    Ok(text.lines().filter_map(|line| line.strip_prefix("Tag:")).map(|tag| tag.trim().to_owned()).collect())
}

fn found(distribution: Distribution, files: BTreeMap<String, Digest>, inside: &str) -> Found {
    let mut text = String::new();
    let (mut names, mut brought) = (BTreeSet::new(), BTreeSet::new());
    for (path, digest) in &files {
        text.push_str(&format!("{path}\0{digest}\n"));
        if let Some(rest) = path.strip_prefix(inside).and_then(|rest| rest.strip_prefix('/')) {
            names.extend(rest.split('/').next().map(str::to_owned));
        } else if let Some(name) = path.strip_prefix("bin/").filter(|name| is_executable_name(name)) {
            brought.insert(name.to_owned());
        }
    }
    let entry_points = distribution.entry_points.iter().map(|entry| entry.name.clone());
    let entry_points: BTreeSet<String> = entry_points.filter(|name| brought.contains(name)).collect();
    Found {
        digest: Digest::of(text.as_bytes()),
        distribution,
        names,
        entry_points,
        executables: brought,
        files,
        doubled: BTreeMap::new(),
        tags: BTreeSet::new(),
    }
}

/// Where a `RECORD` says that each of its files lies, from the venv's folder, what Python compiles left out.
pub fn recorded<'d>(venv: &Venv, distribution: &'d Distribution) -> BTreeMap<String, &'d Recorded> {
    let inside = path_inside(venv, &venv.site());
    let place = |file: &'d Recorded| {
        let path = match &file.place {
            Place::Inside(path) => Some(format!("{inside}/{}", path.as_str())),
            Place::Outside(text) => from_site(&inside, text),
        };
        path.filter(|path| !is_compiled(path)).map(|path| (path, file))
    };
    distribution.files.iter().filter_map(place).collect()
}

/// Whether a file is one that Python compiled, and compiles anew. A `.pyc` elsewhere is a module without a source.
fn is_compiled(path: &str) -> bool {
    path.split('/').any(|part| part == CACHES)
}

/// A path from the venv's folder, with `/`.
fn path_inside(venv: &Venv, path: &Path) -> String {
    path.strip_prefix(&venv.root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// Who owns which file.
struct Owners {
    files: BTreeMap<String, usize>,
    /// By folder: the one package that has files in it.
    folders: BTreeMap<String, usize>,
    /// Files that several say are theirs.
    doubled: BTreeMap<String, BTreeSet<ModuleId>>,
}

impl Owners {
    fn of(packages: &[Distribution], inside: &str) -> Result<Self> {
        let mut owners = Self { files: BTreeMap::new(), folders: BTreeMap::new(), doubled: BTreeMap::new() };
        for (at, package) in packages.iter().enumerate() {
            for file in &package.files {
                let path = match &file.place {
                    Place::Inside(path) => format!("{inside}/{}", path.as_str()),
                    Place::Outside(text) => {
                        from_site(inside, text).ok_or_else(|| reaches_out(&package.id, text))?
                    }
                };
                let mut folder = path.as_str();
                while let Some((above, _)) =
                    folder.rsplit_once('/').filter(|(above, _)| above.len() > inside.len())
                {
                    // Of a folder that several share the first is taken to own what nobody lists.
                    owners.folders.entry(above.to_owned()).or_insert(at);
                    folder = above;
                }
                let first = *owners.files.entry(path.clone()).or_insert(at);
                if let Some(other) = packages.get(first).filter(|_| first != at) {
                    owners.doubled.entry(path).or_default().extend([other.id.clone(), package.id.clone()]);
                }
            }
        }
        Ok(owners)
    }

    /// Whose a file is; `None` for what came with the venv.
    fn owner(&self, path: &str, inside: &str) -> Option<usize> {
        if let Some(owner) = self.files.get(path) {
            return Some(*owner);
        }
        // What a `RECORD` does not list lies beside what it does.
        let mut folder = path;
        while let Some((above, _)) = folder.rsplit_once('/') {
            if !above.starts_with(inside) {
                return None;
            }
            if let Some(owner) = self.folders.get(above) {
                return Some(*owner);
            }
            folder = above;
        }
        None
    }
}

/// Where a path of a `RECORD` leads that leaves the folder of modules; `None` where it leaves the venv.
fn from_site(inside: &str, text: &str) -> Option<String> {
    let mut parts: Vec<&str> = inside.split('/').collect();
    for part in text.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Inside::new(&parts.join("/")).map(|path| path.as_str().to_owned())
}

fn reaches_out(id: &ModuleId, text: &str) -> Fault {
    Fault::new(format!("could not install {id}"))
        .why(format!(
            "its RECORD names a file outside the environment: {:?}",
            text.chars().take(100).collect::<String>()
        ))
        .help("do not use this release: it tries to write where it must not")
}

/// What lies in a venv.
#[derive(Debug)]
struct Lying {
    /// Its path from the venv's folder, with `/`.
    path: String,
    kind: Kind,
    /// Of what it holds, or of where it leads.
    digest: Digest,
}

/// Everything in a venv but folders and what Python compiles.
fn lying(venv: &Venv) -> Result<Vec<Lying>> {
    let root = &venv.root;
    let mut found = Vec::new();
    let there = fs::walk(root, &mut |entry| {
        let path = String::from_utf8_lossy(entry.path());
        if !is_compiled(&path) {
            found.push((path.into_owned(), entry.kind()));
        }
        Ok(())
    })?;
    if !there {
        return Err(Fault::new(format!("could not read {}", root.display()))
            .why("there is no such folder")
            .help("run `envtool sync`, which makes it anew"));
    }
    let mut lying = parallel::each(found, |(path, kind)| {
        let digest = of_file(&root.join(&path), kind)?;
        Ok(Lying { path, kind, digest })
    })?;
    lying.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(lying)
}

fn of_file(path: &Path, kind: Kind) -> Result<Digest> {
    let gone = || {
        Fault::new(format!("could not read {}", path.display()))
            .why("it is gone, or no plain file")
            .help("somebody changes the environment at the moment: run it again")
    };
    match kind {
        Kind::Link => {
            let target: PathBuf = fs::link_target(path)?.ok_or_else(gone)?;
            Ok(Digest::of(target.as_os_str().as_encoded_bytes()))
        }
        Kind::File => digest::of_reader(fs::open(path)?.ok_or_else(gone)?)
            .map_err(|error| fs::failed("read", path, &error)),
        // A pipe is not waited for.
        _ => Ok(Digest::of(b"neither a file nor a link")),
    }
}

/// A venv before anything is installed into it.
#[derive(Debug)]
pub struct Base(BTreeMap<String, Digest>);

impl Base {
    /// As it is now.
    pub fn of(venv: &Venv) -> Result<Self> {
        Ok(Self(lying(venv)?.into_iter().map(|file| (file.path, file.digest)).collect()))
    }

    /// Every package that was installed since. Refuses what a package must not do to a venv: replace what is the venv's
    /// own, lead out of it by a link, or add folders outside to the path of modules (`.pth`: the documentation of
    /// Python's `site`).
    pub fn look(&self, venv: &Venv) -> Result<Vec<Found>> {
        packages(venv, lying(venv)?, |packages, lying| self.check(venv, packages, lying))
    }

    fn check(&self, venv: &Venv, packages: &[Distribution], lying: &[Lying]) -> Result<()> {
        let inside = path_inside(venv, &venv.site());
        let owners = |path: &str| {
            let names = packages.iter().filter(|one| {
                one.files.iter().any(|file| match &file.place {
                    Place::Inside(inner) => format!("{inside}/{}", inner.as_str()) == path,
                    Place::Outside(text) => from_site(&inside, text).as_deref() == Some(path),
                })
            });
            let names: Vec<String> = names.map(|one| one.id.to_string()).collect();
            if names.is_empty() { "a package".to_owned() } else { names.join(", ") }
        };
        let refused = |path: &str, why: String| {
            Err(Fault::new(format!("could not install {}", owners(path)))
                .why(why)
                .help("do not use this release: it does what a package must not do"))
        };
        let mut left: BTreeSet<&str> = self.0.keys().map(String::as_str).collect();
        for Lying { path, kind, digest } in lying {
            left.remove(path.as_str());
            if let Some(before) = self.0.get(path) {
                if digest != before {
                    return refused(path, format!("it replaces {path}, which is the venv's own"));
                }
                continue;
            }
            match kind {
                Kind::Link => return refused(path, format!("{path} is a link, and a wheel holds none")),
                Kind::File => {}
                Kind::Folder | Kind::Other | Kind::Absent => {
                    return refused(path, format!("{path} is neither a file nor a folder"));
                }
            }
            let beside = path.strip_prefix(&inside).and_then(|rest| rest.strip_prefix('/'));
            if beside.is_some_and(|name| !name.contains('/') && name.strip_suffix(".pth").is_some()) {
                let text = fs::read_lossy(&venv.root.join(path))?;
                if let Some(line) = text.lines().find(|line| leads_out(line, &inside)) {
                    let line: String = line.chars().take(100).collect();
                    return refused(path, format!("{path} adds a folder outside the environment: {line:?}"));
                }
            }
        }
        left.first()
            .map_or(Ok(()), |path| refused(path, format!("it takes {path} away, which is the venv's own")))
    }
}

/// Whether a line of a `.pth` adds a folder outside the venv.
fn leads_out(line: &str, inside: &str) -> bool {
    let line = line.trim_end();
    let is_path = !line.is_empty()
        && !line.starts_with('#')
        && !line.starts_with("import ")
        && !line.starts_with("import\t");
    is_path
        && (line.starts_with(['/', '\\'])
            || line.contains(':')
            || from_site(inside, &line.replace('\\', "/")).is_none())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Base, from_site, leads_out, look};
    use crate::environment::Venv;
    use crate::fs;

    const SITE: &str = "lib/python3.11/site-packages";

    fn write(venv: &Path, path: &str, text: &str) {
        let file = venv.join(path);
        fs::create_folders(file.parent().unwrap()).unwrap();
        fs::write(&file, text.as_bytes()).unwrap();
    }

    /// A venv with one package in it, and what it was before.
    fn installed(root: &Path) -> (Venv, Base) {
        write(root, "pyvenv.cfg", "home = /usr/bin\nversion_info = 3.11.2\n");
        write(root, "bin/python", "the interpreter");
        let venv = Venv::read(root.to_owned()).unwrap().unwrap();
        let base = Base::of(&venv).unwrap();
        let (module, about) = (format!("{SITE}/small"), format!("{SITE}/small-1.0.dist-info"));
        write(root, &format!("{module}/__init__.py"), "x = 1\n");
        write(root, &format!("{module}/__pycache__/__init__.cpython-311.pyc"), "compiled");
        write(root, "bin/small", "#!/bin/sh\n");
        write(root, "bin/brought", "#!/bin/sh\n");
        write(root, &format!("{about}/METADATA"), "Name: small\nVersion: 1.0\n");
        write(root, &format!("{about}/entry_points.txt"), "[console_scripts]\nsmall = small:main\n");
        let record = "small/__init__.py,,\nsmall-1.0.dist-info/METADATA,,\n../../../bin/small,,\n../../../bin/brought,,\n";
        write(root, &format!("{about}/RECORD"), record);
        (venv, base)
    }

    #[test]
    fn what_was_installed_is_read_and_its_digest_is_of_its_files_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (venv, base) = installed(dir.path());
        let found = base.look(&venv).unwrap();
        let [one] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(one.distribution.id.to_string(), "small 1.0");
        assert_eq!(Vec::from_iter(&one.names), ["small", "small-1.0.dist-info"]);
        assert_eq!(Vec::from_iter(&one.entry_points), ["small"]);
        assert_eq!(Vec::from_iter(&one.executables), ["brought", "small"]);
        let digest = one.digest;
        write(
            dir.path(),
            &format!("{SITE}/small/__pycache__/__init__.cpython-312.pyc"),
            "compiled by another",
        );
        assert_eq!(look(&venv).unwrap()[0].digest, digest, "what Python compiles does not count");
        for (path, text) in [("small/__init__.py", "x = 2\n"), ("small/new.py", "")] {
            write(dir.path(), &format!("{SITE}/{path}"), text);
            assert_ne!(look(&venv).unwrap()[0].digest, digest, "{path}");
        }
    }

    #[test]
    fn what_a_package_must_not_do_is_refused() {
        let refused = |harm: &dyn Fn(&Path)| {
            let dir = tempfile::tempdir().unwrap();
            let (venv, base) = installed(dir.path());
            harm(dir.path());
            base.look(&venv).unwrap_err().causes().join("; ")
        };
        let says = |said: &str, words: &str| assert!(said.contains(words), "{said}");
        says(&refused(&|root| write(root, "bin/python", "another")), "it replaces bin/python");
        says(
            &refused(&|root| fs::remove_file(&root.join("bin/python")).unwrap()),
            "it takes bin/python away",
        );
        says(&refused(&|root| write(root, &format!("{SITE}/a.pth"), "/usr/lib\n")), "adds a folder outside");
        let record = "../../../../outside,,\n";
        says(
            &refused(&|root| write(root, &format!("{SITE}/small-1.0.dist-info/RECORD"), record)),
            "names a file outside the environment",
        );
        #[cfg(unix)]
        says(
            &refused(&|root| {
                std::os::unix::fs::symlink("/etc/passwd", root.join(SITE).join("link")).unwrap();
            }),
            "link is a link",
        );
    }

    #[test]
    fn a_path_of_a_record_stays_in_the_venv_or_is_none() {
        assert_eq!(from_site(SITE, "../../../bin/x").as_deref(), Some("bin/x"));
        assert_eq!(from_site(SITE, "../../../share/man/x.1").as_deref(), Some("share/man/x.1"));
        for out in ["../../../../x", "../../../..", "/etc/passwd", "../../../bin/../../x", "C:/x", "a\\..\\b"]
        {
            assert_eq!(from_site(SITE, out), None, "{out}");
        }
    }

    #[test]
    fn a_pth_may_name_folders_of_the_venv_and_import() {
        for fine in ["", "# x", "import x; x.y()", "pkg/lib", "../other"] {
            assert!(!leads_out(fine, SITE), "{fine}");
        }
        for out in ["/usr/lib/python3/dist-packages", "../../../../evil", "C:\\x", "\\\\host\\x"] {
            assert!(leads_out(out, SITE), "{out}");
        }
    }
}
