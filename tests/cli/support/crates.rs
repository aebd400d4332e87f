//! Makes `.crate` files in memory: well-formed ones as `cargo package` writes them, and hostile ones.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::write::GzEncoder;
use flate2::{Compress, Compression, FlushCompress};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

/// The SHA-256 of bytes, as 64 lower-case hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Bytes through gzip, always to the same bytes.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// One dependency of a crate that is made here.
#[derive(Clone)]
pub(crate) struct Dep {
    name: String,
    req: String,
    kind: &'static str,
    target: Option<String>,
    optional: bool,
    default_features: bool,
    features: Vec<String>,
    package: Option<String>,
    registry: Option<String>,
}

impl Dep {
    /// A normal dependency on `name` at `req`.
    pub(crate) fn new(name: &str, req: &str) -> Self {
        Self {
            name: name.to_owned(),
            req: req.to_owned(),
            kind: "normal",
            target: None,
            optional: false,
            default_features: true,
            features: Vec::new(),
            package: None,
            registry: None,
        }
    }

    /// Of `[dev-dependencies]`.
    pub(crate) fn dev(mut self) -> Self {
        self.kind = "dev";
        self
    }

    /// Of `[build-dependencies]`.
    pub(crate) fn build(mut self) -> Self {
        self.kind = "build";
        self
    }

    /// Only for a target, as a triple or `cfg(…)`.
    pub(crate) fn target(mut self, target: &str) -> Self {
        self.target = Some(target.to_owned());
        self
    }

    /// Off until a feature asks for it.
    pub(crate) fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Without the default features, with these.
    pub(crate) fn features(mut self, features: &[&str]) -> Self {
        self.default_features = false;
        self.features = features.iter().map(|&f| f.to_owned()).collect();
        self
    }

    /// Renamed: the dependency is called what [`Dep::new`] was given, and is the package `package`.
    pub(crate) fn package(mut self, package: &str) -> Self {
        self.package = Some(package.to_owned());
        self
    }

    /// From another registry, by the URL of its index (`sparse+http://…`).
    pub(crate) fn registry(mut self, index: &str) -> Self {
        self.registry = Some(index.to_owned());
        self
    }

    /// Its row in the index. Where no rename happens, `name` is the package.
    fn row(&self) -> Value {
        json!({
            "name": self.name,
            "req": self.req,
            "features": self.features,
            "optional": self.optional,
            "default_features": self.default_features,
            "target": self.target,
            "kind": self.kind,
            "registry": self.registry,
            "package": self.package,
        })
    }

    /// Its table in a normalized manifest.
    fn table(&self) -> String {
        let section = match self.kind {
            "normal" => "dependencies".to_owned(),
            kind => format!("{kind}-dependencies"),
        };
        let section = match &self.target {
            Some(target) => format!("target.{target:?}.{section}"),
            None => section,
        };
        let mut text = format!("\n[{section}.{}]\nversion = {:?}\n", self.name, self.req);
        if let Some(package) = &self.package {
            writeln!(text, "package = {package:?}").unwrap();
        }
        if let Some(registry) = &self.registry {
            writeln!(text, "registry-index = {registry:?}").unwrap();
        }
        if self.optional {
            text.push_str("optional = true\n");
        }
        if !self.default_features {
            text.push_str("default-features = false\n");
        }
        if !self.features.is_empty() {
            writeln!(text, "features = {:?}", self.features).unwrap();
        }
        text
    }
}

/// An entry of the archive that is written as it is told, whatever it breaks.
struct Entry {
    path: Vec<u8>,
    kind: EntryType,
    link: Vec<u8>,
    mode: u32,
    body: Vec<u8>,
}

/// Makes one `.crate`, and its row in the index.
pub(crate) struct CrateBuilder {
    name: String,
    version: String,
    files: Vec<(String, u32, Vec<u8>)>,
    deps: Vec<Dep>,
    features: Vec<(String, Vec<String>)>,
    links: Option<String>,
    proc_macro: bool,
    rust_version: Option<String>,
    published: Option<String>,
    edition: String,
    entries: Vec<Entry>,
    raw: Option<Vec<u8>>,
    cksum: Option<String>,
}

/// A crate with an empty library; its edition is 2021.
pub(crate) fn krate(name: &str, version: &str) -> CrateBuilder {
    CrateBuilder {
        name: name.to_owned(),
        version: version.to_owned(),
        files: vec![("src/lib.rs".to_owned(), 0o644, Vec::new())],
        deps: Vec::new(),
        features: Vec::new(),
        links: None,
        proc_macro: false,
        rust_version: None,
        published: None,
        edition: "2021".to_owned(),
        entries: Vec::new(),
        raw: None,
        cksum: None,
    }
}

/// A crate whose library has one function, `id()`, that gives `NAME VERSION`: a program that prints it says which
/// copy it was built against.
pub(crate) fn telling(name: &str, version: &str) -> CrateBuilder {
    krate(name, version).lib(&format!("pub fn id() -> &'static str {{ \"{name} {version}\" }}\n"))
}

impl CrateBuilder {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// The source of the library.
    pub(crate) fn lib(self, source: &str) -> Self {
        self.file("src/lib.rs", source)
    }

    /// A file of mode 0644; one of the same path is replaced.
    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        self.file_mode(path, 0o644, text)
    }

    /// A file with its mode; one of the same path is replaced.
    pub(crate) fn file_mode(mut self, path: &str, mode: u32, text: &str) -> Self {
        self.files.retain(|(there, ..)| there != path);
        self.files.push((path.to_owned(), mode, text.as_bytes().to_vec()));
        self
    }

    /// Takes a file away.
    pub(crate) fn without_file(mut self, path: &str) -> Self {
        self.files.retain(|(there, ..)| there != path);
        self
    }

    pub(crate) fn dep(mut self, dep: Dep) -> Self {
        self.deps.push(dep);
        self
    }

    /// A feature and what it turns on. `dep:` and `?` land in `features2`, as crates.io does it.
    pub(crate) fn feature(mut self, name: &str, on: &[&str]) -> Self {
        let on = on.iter().map(|&f| f.to_owned()).collect();
        self.features.push((name.to_owned(), on));
        self
    }

    /// A `build.rs`.
    pub(crate) fn build_script(self, source: &str) -> Self {
        self.file("build.rs", source)
    }

    /// The library is a proc macro.
    pub(crate) fn proc_macro(mut self, source: &str) -> Self {
        self.proc_macro = true;
        self.lib(source)
    }

    /// The `links` key; give it a build script too.
    pub(crate) fn links(mut self, native: &str) -> Self {
        self.links = Some(native.to_owned());
        self
    }

    pub(crate) fn rust_version(mut self, version: &str) -> Self {
        self.rust_version = Some(version.to_owned());
        self
    }

    /// `pubtime` of its row.
    pub(crate) fn published(mut self, time: &str) -> Self {
        self.published = Some(time.to_owned());
        self
    }

    pub(crate) fn edition(mut self, edition: &str) -> Self {
        edition.clone_into(&mut self.edition);
        self
    }

    /// Adds an entry to the archive after all files, unchecked: `path` and `link` (100 bytes at most) stand in the
    /// header as they are, `path` with no `NAME-VERSION/` put before it.
    pub(crate) fn entry(mut self, path: &str, kind: EntryType, link: &str, mode: u32, body: &str) -> Self {
        self.entries.push(Entry {
            path: path.as_bytes().to_vec(),
            kind,
            link: link.as_bytes().to_vec(),
            mode,
            body: body.as_bytes().to_vec(),
        });
        self
    }

    /// These bytes are the `.crate`, whatever they are.
    pub(crate) fn raw(mut self, bytes: Vec<u8>) -> Self {
        self.raw = Some(bytes);
        self
    }

    /// The index names this checksum in place of the right one.
    pub(crate) fn cksum(mut self, cksum: &str) -> Self {
        self.cksum = Some(cksum.to_owned());
        self
    }

    /// The manifest as `cargo package` normalizes it.
    pub(crate) fn manifest(&self) -> String {
        let mut text = format!(
            "[package]\nedition = {:?}\nname = {:?}\nversion = {:?}\nauthors = []\nbuild = {}\n",
            self.edition,
            self.name,
            self.version,
            if self.has("build.rs") { "\"build.rs\"" } else { "false" },
        );
        if let Some(links) = &self.links {
            writeln!(text, "links = {links:?}").unwrap();
        }
        if let Some(version) = &self.rust_version {
            writeln!(text, "rust-version = {version:?}").unwrap();
        }
        if self.has("src/lib.rs") {
            let name = self.name.replace('-', "_");
            write!(text, "\n[lib]\nname = {name:?}\npath = \"src/lib.rs\"\n").unwrap();
            if self.proc_macro {
                text.push_str("proc-macro = true\n");
            }
        }
        if self.has("src/main.rs") {
            write!(text, "\n[[bin]]\nname = {:?}\npath = \"src/main.rs\"\n", self.name).unwrap();
        }
        if !self.features.is_empty() {
            text.push_str("\n[features]\n");
            for (name, on) in &self.features {
                writeln!(text, "{name} = {on:?}").unwrap();
            }
        }
        for dep in &self.deps {
            text.push_str(&dep.table());
        }
        text
    }

    fn has(&self, path: &str) -> bool {
        self.files.iter().any(|(there, ..)| there == path)
    }

    /// Every file of the archive, without the `NAME-VERSION/` before it.
    pub(crate) fn contents(&self) -> Vec<(String, u32, Vec<u8>)> {
        let manifest = self.manifest().into_bytes();
        let mut files = self.files.clone();
        for name in ["Cargo.toml", "Cargo.toml.orig"] {
            if !self.has(name) {
                files.push((name.to_owned(), 0o644, manifest.clone()));
            }
        }
        files.sort();
        files
    }

    /// The `.crate`.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let mut builder = Builder::new(Vec::new());
        let prefix = format!("{}-{}", self.name, self.version);
        for (path, mode, body) in self.contents() {
            let mut header = header(EntryType::Regular, mode, body.len());
            builder.append_data(&mut header, format!("{prefix}/{path}"), body.as_slice()).unwrap();
        }
        for entry in &self.entries {
            let mut header = header(entry.kind, entry.mode, entry.body.len());
            let old = header.as_old_mut();
            old.name[..entry.path.len()].copy_from_slice(&entry.path);
            old.linkname[..entry.link.len()].copy_from_slice(&entry.link);
            header.set_cksum();
            builder.append(&header, entry.body.as_slice()).unwrap();
        }
        gzip(&builder.into_inner().unwrap())
    }

    /// Its row in the index, on one line.
    pub(crate) fn row(&self, bytes: &[u8]) -> Value {
        let (newer, older): (Vec<_>, Vec<_>) = self
            .features
            .iter()
            .cloned()
            .partition(|(_, on)| on.iter().any(|f| f.starts_with("dep:") || f.contains("?/")));
        let table = |list: Vec<(String, Vec<String>)>| {
            Value::Object(list.into_iter().map(|(name, on)| (name, json!(on))).collect())
        };
        let mut row = json!({
            "name": self.name,
            "vers": self.version,
            "deps": self.deps.iter().map(Dep::row).collect::<Vec<_>>(),
            "cksum": self.cksum.clone().unwrap_or_else(|| sha256(bytes)),
            "features": table(older),
            "yanked": false,
            "links": self.links,
            "rust_version": self.rust_version,
        });
        if let Some(time) = &self.published {
            row["pubtime"] = json!(time);
        }
        if !newer.is_empty() {
            row["features2"] = table(newer);
            row["v"] = json!(2);
        }
        row
    }
}

/// A `.crate` of a few hundred kilobytes that unpacks to a file of so many mebibytes of zeros.
///
/// One mebibyte is compressed and flushed so that it stands for itself, and then repeated. The checksum at the end is
/// wrong, but whoever reads so far has lost already.
pub(crate) fn bomb(name: &str, version: &str, mebibytes: usize) -> CrateBuilder {
    let mut compress = Compress::new(Compression::best(), false);
    let mut deflate = |input: &[u8]| {
        let mut output = Vec::with_capacity(input.len() / 100 + 4096);
        let status = compress.compress_vec(input, &mut output, FlushCompress::Full).unwrap();
        assert_eq!(status, flate2::Status::Ok);
        output
    };
    let mut header = header(EntryType::Regular, 0o644, mebibytes << 20);
    header.set_path(format!("{name}-{version}/zeros")).unwrap();
    header.set_cksum();
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    bytes.extend(deflate(header.as_bytes()));
    let block = vec![0; 1 << 20];
    // The first one still ends what stood before; the second can be repeated.
    bytes.extend(deflate(&block));
    let one = deflate(&block);
    for _ in 1..mebibytes {
        bytes.extend(&one);
    }
    // An empty last block, then checksum and length.
    bytes.extend([3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    krate(name, version).raw(bytes)
}

fn header(kind: EntryType, mode: u32, size: usize) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size as u64);
    // What cargo writes: 2006-07-24, so that no archive looks new.
    header.set_mtime(1_153_704_088);
    header
}
