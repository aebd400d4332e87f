//! A package index on this machine: the Simple API (PEP 503 as HTML, PEP 691 as JSON) over the server of
//! [`super::registry`], its faults among it. Its paths: `/simple/NAME/`, `/files/FILE`, `/files/FILE.metadata`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::crates::sha256;
use super::registry::Registry;
use super::wheels::WheelBuilder;

/// A running index; it stops when it is dropped.
pub(crate) struct Pypi {
    server: Registry,
    projects: RefCell<BTreeMap<String, Vec<Row>>>,
    html: bool,
}

/// One file of a package.
struct Row {
    version: String,
    file: String,
    digest: String,
    python: Option<String>,
    metadata: Option<String>,
    yanked: bool,
}

impl Pypi {
    /// Starts an empty index that speaks JSON and HTML.
    pub(crate) fn start() -> Self {
        Self { server: Registry::start(), projects: RefCell::default(), html: false }
    }

    /// The same that speaks HTML alone.
    pub(crate) fn start_html() -> Self {
        Self { html: true, ..Self::start() }
    }

    /// The server, for its faults and its log.
    pub(crate) fn server(&self) -> &Registry {
        &self.server
    }

    /// Ends every connection and refuses new ones.
    pub(crate) fn stop(&mut self) {
        self.server.stop();
    }

    /// `http://127.0.0.1:PORT/simple/`.
    pub(crate) fn index(&self) -> String {
        format!("{}/simple/", self.server.url())
    }

    /// Publishes a wheel.
    pub(crate) fn publish(&self, wheel: &WheelBuilder) {
        let bytes = wheel.bytes();
        self.put(wheel, wheel.file_name(), &bytes, &sha256(&bytes), Some(wheel.metadata()));
    }

    /// Publishes the source of a package.
    pub(crate) fn publish_sdist(&self, wheel: &WheelBuilder) {
        let bytes = wheel.sdist();
        self.put(wheel, wheel.sdist_name(), &bytes, &sha256(&bytes), None);
    }

    /// Publishes the uv that envtool brings.
    pub(crate) fn publish_uv(&self) {
        let path = uv_wheel_for_tests();
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        let bytes = std::fs::read(&path).unwrap();
        let uv = super::wheels::wheel("uv", &envtool::uv::BROUGHT.to_string());
        self.put(&uv, file, &bytes, &sha256(&bytes), None);
    }

    /// From here on gives `other` under the name of `wheel`, whose digest stays in the index.
    pub(crate) fn lie(&self, wheel: &WheelBuilder, other: &[u8]) {
        self.server.serve(&format!("/files/{}", wheel.file_name()), &[("application/zip", other.to_vec())]);
    }

    /// Marks a version as yanked.
    pub(crate) fn yank(&self, name: &str, version: &str) {
        let mut projects = self.projects.borrow_mut();
        for row in projects.get_mut(name).unwrap().iter_mut().filter(|row| row.version == version) {
            row.yanked = true;
        }
        drop(projects);
        self.write(name);
    }

    /// Takes a version back, with its files; the package goes with its last one.
    pub(crate) fn remove(&self, name: &str, version: &str) {
        let mut projects = self.projects.borrow_mut();
        let rows = projects.get_mut(name).unwrap();
        for row in rows.iter().filter(|row| row.version == version) {
            self.server.withdraw(&format!("/files/{}", row.file));
        }
        rows.retain(|row| row.version != version);
        let is_gone = rows.is_empty();
        drop(projects);
        match is_gone {
            true => self.server.withdraw(&format!("/simple/{name}/")),
            false => self.write(name),
        }
    }

    fn put(&self, wheel: &WheelBuilder, file: String, bytes: &[u8], digest: &str, metadata: Option<String>) {
        self.server.serve(&format!("/files/{file}"), &[("application/zip", bytes.to_vec())]);
        if let Some(text) = &metadata {
            self.server
                .serve(&format!("/files/{file}.metadata"), &[("text/plain", text.clone().into_bytes())]);
        }
        let row = Row {
            version: wheel.version().to_owned(),
            file,
            digest: digest.to_owned(),
            python: wheel.python().map(str::to_owned),
            metadata: metadata.map(|text| sha256(text.as_bytes())),
            yanked: false,
        };
        let mut projects = self.projects.borrow_mut();
        // As an index compares names.
        let name = wheel.name().to_lowercase().replace(['_', '.'], "-");
        let rows = projects.entry(name.clone()).or_default();
        rows.retain(|other| other.file != row.file);
        rows.push(row);
        drop(projects);
        self.write(&name);
    }

    /// Writes the page of a package.
    fn write(&self, name: &str) {
        let projects = self.projects.borrow();
        let rows = &projects[name];
        let url = |row: &Row| format!("{}/files/{}", self.server.url(), row.file);
        let files: Vec<Value> = rows
            .iter()
            .map(|row| {
                json!({
                    "filename": row.file, "url": url(row), "hashes": {"sha256": row.digest},
                    "requires-python": row.python, "yanked": row.yanked, "size": 1,
                    "upload-time": "2026-01-02T03:04:05.678901Z",
                    "core-metadata": row.metadata.as_ref().map_or(json!(false), |digest| json!({"sha256": digest})),
                })
            })
            .collect();
        let json = json!({"meta": {"api-version": "1.1"}, "name": name, "files": files, "versions": []});
        let mut html = "<!DOCTYPE html><html><body>\n".to_owned();
        for row in rows {
            let python = row.python.as_ref().map_or(String::new(), |python| {
                format!(" data-requires-python=\"{}\"", python.replace('>', "&gt;").replace('<', "&lt;"))
            });
            let yanked = if row.yanked { " data-yanked=\"bad\"" } else { "" };
            html.push_str(&format!(
                "<a href=\"{}#sha256={}\"{python}{yanked}>{}</a><br/>\n",
                url(row),
                row.digest,
                row.file
            ));
        }
        html.push_str("</body></html>\n");
        let mut pages = vec![("text/html", html.into_bytes())];
        if !self.html {
            pages.insert(0, ("application/vnd.pypi.simple.v1+json", json.to_string().into_bytes()));
        }
        self.server.serve(&format!("/simple/{name}/"), &pages);
    }
}

/// The wheel of the uv that envtool brings: brought once by the machine's own pip, with its own settings, to `target/`.
pub(crate) fn uv_wheel_for_tests() -> PathBuf {
    let version = envtool::uv::BROUGHT.to_string();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/uv-for-tests").join(&version);
    let found = || {
        let files = std::fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path());
        files.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "whl"))
    };
    if let Some(wheel) = found() {
        return wheel;
    }
    std::fs::create_dir_all(&folder).unwrap();
    let aside = tempfile::tempdir_in(&folder).unwrap();
    let asked = format!("uv=={version}");
    let output = Command::new("python3")
        .args(["-m", "pip", "download", &asked, "--no-deps", "--only-binary", ":all:", "-q", "-d"])
        .arg(aside.path())
        .current_dir(aside.path())
        .output();
    let said = output.map_or_else(
        |error| error.to_string(),
        |output| String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    let wheel = std::fs::read_dir(aside.path()).unwrap().next();
    let wheel = wheel.unwrap_or_else(|| {
        panic!("the tests of Python packages need uv {version}, and pip brought none: {said}")
    });
    let wheel = wheel.unwrap();
    std::fs::rename(wheel.path(), folder.join(wheel.file_name())).unwrap();
    found().unwrap()
}

/// The uv of that wheel.
pub(crate) fn uv_for_tests() -> &'static Path {
    static UV: OnceLock<PathBuf> = OnceLock::new();
    UV.get_or_init(|| {
        let wheel = uv_wheel_for_tests();
        let program = wheel.with_file_name("uv");
        if program.is_file() {
            return program;
        }
        let mut archive = zip::ZipArchive::new(std::fs::File::open(&wheel).unwrap()).unwrap();
        let inside = format!("uv-{}.data/scripts/uv", envtool::uv::BROUGHT);
        // Another process may be at it too: the last one stays, and they are the same.
        let made = program.with_file_name(format!("uv-{}", std::process::id()));
        let mut out = std::fs::File::create(&made).unwrap();
        std::io::copy(&mut archive.by_name(&inside).unwrap(), &mut out).unwrap();
        drop(out);
        std::fs::set_permissions(&made, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::rename(&made, &program).unwrap();
        program
    })
}
