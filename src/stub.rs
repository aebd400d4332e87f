//! Crates whose manifest this cargo cannot read.
//!
//! One of them fails a whole folder of crates, also where nothing would build it (an edition to come, in a crate for
//! another platform). In its place stands a stub: a manifest with its dependencies and features, and a library that
//! refuses to compile and says why.

use std::collections::BTreeMap;
use std::path::Path;

use crate::archive::{CHECKSUM_FILE, Contents, FileRecord, checksum_json};
use crate::cargo_manifest;
use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::CARGO_MANIFEST;
use crate::package::PackageId;
use crate::store::{Store, Tree};

/// The key of a stub in the store.
pub fn key(checksum: &Digest) -> Digest {
    Digest::of(format!("stub\0{checksum}").as_bytes())
}

/// Makes the stub of a crate from its whole tree.
pub fn make(store: &Store, package: &PackageId, checksum: &Digest, whole: &Path) -> Result<Tree> {
    let key = key(checksum);
    if let Some(tree) = store.tree(&key, package)? {
        return Ok(tree);
    }
    let manifest = fs::read(&whole.join(CARGO_MANIFEST))?.unwrap_or_default();
    let manifest = cargo_manifest::stub(&manifest).ok_or_else(|| {
        Fault::new(format!("the manifest of {package} cannot be read"))
            .why("it is not even TOML with a [package]")
            .help("ask for another release of it in Cargo.toml, then run `envtool sync`")
    })?;
    let library = format!(
        "compile_error!(\"the manifest of {package} is newer than this cargo: a newer one (`rustup update`), then `envtool sync`\");\n"
    );
    store.make_tree(&key, package, |dest| {
        fs::create_folders(&dest.join("src"))?;
        let mut contents = Contents { files: BTreeMap::default() };
        for (name, text) in [(CARGO_MANIFEST, manifest.text.as_str()), ("src/lib.rs", library.as_str())] {
            fs::write_new(&dest.join(name), text.as_bytes())?;
            let record =
                FileRecord { digest: Digest::of(text.as_bytes()), mode: 0o644, size: text.len() as u64 };
            contents.files.insert(name.to_owned(), record);
        }
        fs::write_new(&dest.join(CHECKSUM_FILE), checksum_json(&contents, *checksum).as_bytes())?;
        fs::set_mode(&dest.join("src"), 0o555)?;
        Ok(contents)
    })
}

/// The crate that cargo's words say it cannot read: the folder that is named in "failed to parse manifest at".
pub fn named_in(words: &str) -> Option<&str> {
    let (_, rest) = words.split_once("failed to parse manifest at `")?;
    let (path, _) = rest.split_once('`')?;
    Path::new(path).parent()?.file_name()?.to_str()
}

#[cfg(test)]
mod tests {
    use super::named_in;

    #[test]
    fn the_crate_is_found_in_what_cargo_says() {
        let words = "failed to load source\n\nCaused by:\n  failed to parse manifest at `/p/.envtool/vendor/future-1.0.0/Cargo.toml`\n\nCaused by: edition";
        assert_eq!(named_in(words), Some("future-1.0.0"));
        assert_eq!(named_in("no matching package named `x` found"), None);
        assert_eq!(named_in("failed to parse manifest at `Cargo.toml"), None);
    }
}
