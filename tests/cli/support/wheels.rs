//! Makes wheels and sources of Python packages in memory: well-formed ones, and hostile ones.

use std::io::{Cursor, Write as _};

use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::crates::gzip;

/// A package that is made here.
#[derive(Clone)]
pub(crate) struct WheelBuilder {
    name: String,
    version: String,
    tag: String,
    files: Vec<(String, Vec<u8>)>,
    requires: Vec<String>,
    extras: Vec<String>,
    requires_python: Option<String>,
    entry_points: Vec<(String, String)>,
    record: Vec<String>,
}

/// A package of this name and version with nothing in it.
pub(crate) fn wheel(name: &str, version: &str) -> WheelBuilder {
    WheelBuilder {
        name: name.to_owned(),
        version: version.to_owned(),
        tag: "py3-none-any".to_owned(),
        files: Vec::new(),
        requires: Vec::new(),
        extras: Vec::new(),
        requires_python: None,
        entry_points: Vec::new(),
        record: Vec::new(),
    }
}

/// A package whose one module says its own name and version as `ID`.
pub(crate) fn saying(name: &str, version: &str) -> WheelBuilder {
    wheel(name, version).module(&name.replace('-', "_"), &format!("ID = \"{name} {version}\"\n"))
}

impl WheelBuilder {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    pub(crate) fn python(&self) -> Option<&str> {
        self.requires_python.as_deref()
    }

    /// A module of one file.
    pub(crate) fn module(self, name: &str, text: &str) -> Self {
        self.file(&format!("{name}.py"), text.as_bytes())
    }

    /// `Requires-Dist: idna>=2`.
    pub(crate) fn requires(mut self, requirement: &str) -> Self {
        self.requires.push(requirement.to_owned());
        self
    }

    /// `Provides-Extra: socks`, with what it requires.
    pub(crate) fn extra(mut self, extra: &str, requirement: &str) -> Self {
        self.extras.push(extra.to_owned());
        self.requires(&format!("{requirement} ; extra == '{extra}'"))
    }

    /// `Requires-Python: >=3.11`.
    pub(crate) fn requires_python(mut self, specifier: &str) -> Self {
        self.requires_python = Some(specifier.to_owned());
        self
    }

    /// A program `name` that calls `module:function`.
    pub(crate) fn entry_point(mut self, name: &str, target: &str) -> Self {
        self.entry_points.push((name.to_owned(), target.to_owned()));
        self
    }

    /// A file of `.data/scripts`.
    pub(crate) fn data_script(self, name: &str, bytes: &[u8]) -> Self {
        let path = format!("{}.data/scripts/{name}", self.stem());
        self.file(&path, bytes)
    }

    /// A `.pth` file.
    pub(crate) fn pth(self, name: &str, text: &str) -> Self {
        self.file(&format!("{name}.pth"), text.as_bytes())
    }

    /// Any file, under any name, or with `/` at its end a folder; in place of one of that name.
    pub(crate) fn file(mut self, path: &str, bytes: &[u8]) -> Self {
        self.files.retain(|(other, _)| other != path);
        self.files.push((path.to_owned(), bytes.to_vec()));
        self
    }

    /// Another tag than `py3-none-any`.
    pub(crate) fn tag(mut self, tag: &str) -> Self {
        tag.clone_into(&mut self.tag);
        self
    }

    /// One more line of RECORD, as it is.
    pub(crate) fn record(mut self, line: &str) -> Self {
        self.record.push(line.to_owned());
        self
    }

    fn stem(&self) -> String {
        format!("{}-{}", self.name.replace(['-', '.'], "_"), self.version)
    }

    /// The wheel's file name.
    pub(crate) fn file_name(&self) -> String {
        format!("{}-{}.whl", self.stem(), self.tag)
    }

    /// The file name of its source.
    pub(crate) fn sdist_name(&self) -> String {
        format!("{}.tar.gz", self.stem())
    }

    pub(crate) fn metadata(&self) -> String {
        let mut text = format!("Metadata-Version: 2.1\nName: {}\nVersion: {}\n", self.name, self.version);
        let mut line = |key: &str, value: &str| text.push_str(&format!("{key}: {value}\n"));
        self.requires_python.iter().for_each(|python| line("Requires-Python", python));
        self.extras.iter().for_each(|extra| line("Provides-Extra", extra));
        self.requires.iter().for_each(|requirement| line("Requires-Dist", requirement));
        text
    }

    /// Every file of the wheel but RECORD.
    fn contents(&self) -> Vec<(String, Vec<u8>)> {
        let info = format!("{}.dist-info", self.stem());
        let mut files = self.files.clone();
        let mut add = |name: &str, text: String| files.push((format!("{info}/{name}"), text.into_bytes()));
        add("METADATA", self.metadata());
        add(
            "WHEEL",
            format!("Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {}\n", self.tag),
        );
        if !self.entry_points.is_empty() {
            let rows: Vec<String> =
                self.entry_points.iter().map(|(name, target)| format!("{name} = {target}")).collect();
            add("entry_points.txt", format!("[console_scripts]\n{}\n", rows.join("\n")));
        }
        files
    }

    /// The wheel.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut files = self.contents();
        let mut record = String::new();
        for (path, bytes) in files.iter().filter(|(path, _)| !path.ends_with('/')) {
            let digest = base64(&Sha256::digest(bytes));
            record.push_str(&format!("{path},sha256={digest},{}\n", bytes.len()));
        }
        self.record.iter().for_each(|line| record.push_str(&format!("{line}\n")));
        let path = format!("{}.dist-info/RECORD", self.stem());
        record.push_str(&format!("{path},,\n"));
        files.push((path, record.into_bytes()));
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (path, bytes) in files {
            let mode = if path.contains(".data/scripts/") { 0o755 } else { 0o644 };
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .unix_permissions(mode);
            zip.start_file(path.as_str(), options).unwrap();
            zip.write_all(&bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    /// Its source: a package that builds itself into the wheel, and needs nothing to do so. Who builds it finds the
    /// file `BUILT` beside the wheel in it.
    pub(crate) fn sdist(&self) -> Vec<u8> {
        let backend = format!(
            "import os, zipfile\n\
             HERE = os.path.dirname(os.path.abspath(__file__))\n\
             def build_wheel(folder, config_settings=None, metadata_directory=None):\n    \
                 name = {:?}\n    \
                 with open(os.path.join(HERE, 'wheel.zip'), 'rb') as whole:\n        \
                     data = whole.read()\n    \
                 with open(os.path.join(folder, name), 'wb') as out:\n        \
                     out.write(data)\n    \
                 return name\n",
            self.file_name()
        );
        let project = "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n";
        let mut tar = tar::Builder::new(Vec::new());
        for (name, bytes) in [
            ("PKG-INFO", self.metadata().into_bytes()),
            ("pyproject.toml", project.as_bytes().to_vec()),
            ("backend.py", backend.into_bytes()),
            ("wheel.zip", self.bytes()),
        ] {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, format!("{}/{name}", self.stem()), bytes.as_slice()).unwrap();
        }
        gzip(&tar.into_inner().unwrap())
    }
}

/// Base 64 for addresses, without padding, as RECORD has it.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(DIGITS[(word >> (18 - 6 * place)) as usize & 63]));
        }
    }
    text
}
