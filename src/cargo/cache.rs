//! The archives that cargo has fetched before: `$CARGO_HOME/registry/cache/REGISTRY/NAME-VERSION.crate`
//! (cargo guide, "Cargo Home"). The folder's name is a hash of cargo's own, so every registry's is looked at, and
//! whoever takes a file from here checks it against the lock.

use std::path::{Path, PathBuf};

use crate::fault::Result;
use crate::fs;
use crate::package::PackageId;

/// The files that may be the archive of `package`.
pub fn cached_archive(cargo_home: &Path, package: &PackageId) -> Result<Vec<PathBuf>> {
    let cache = cargo_home.join("registry").join("cache");
    let name = format!("{}.crate", package.folder());
    let mut found = Vec::new();
    for registry in fs::names(&cache)?.unwrap_or_default() {
        let file = cache.join(registry).join(&name);
        if fs::is_file(&file)? {
            found.push(file);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::cached_archive;
    use crate::package::PackageId;

    #[test]
    fn each_registry_may_have_the_archive() {
        let home = tempfile::tempdir().unwrap();
        let package = PackageId { name: "foo".parse().unwrap(), version: semver::Version::new(1, 0, 0) };
        assert!(cached_archive(home.path(), &package).unwrap().is_empty());
        for registry in ["one-1", "two-2", "three-3"] {
            let folder = home.path().join("registry/cache").join(registry);
            crate::fs::create_folders(&folder).unwrap();
            let name = if registry == "two-2" { "foo-1.0.1.crate" } else { "foo-1.0.0.crate" };
            crate::fs::write(&folder.join(name), b"x").unwrap();
        }
        crate::fs::write(&home.path().join("registry/cache/CACHEDIR.TAG"), b"x").unwrap();
        let cache = home.path().join("registry/cache");
        assert_eq!(
            cached_archive(home.path(), &package).unwrap(),
            [cache.join("one-1/foo-1.0.0.crate"), cache.join("three-3/foo-1.0.0.crate")]
        );
    }
}
