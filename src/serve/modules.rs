//! PyPI as the mirror answers for it: the Simple API, and files by what it says.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use hyper::body::Bytes;

use super::book::Speaks;
use super::files::Files;
use crate::digest::Digest;
use crate::fault::Result;
use crate::module::ModuleName;
use crate::python_index::Address;
use crate::registry::Request;
use crate::registry::simple::{self, ACCEPT, File, FileName, Format, Part, Project, State};

/// PyPI, or what stands in for it.
pub(super) struct Modules {
    /// Its address, a `/` at its end; it may hold a password.
    pub(super) index: Address,
    pub(super) files: Arc<Files>,
}

/// What there is of a project.
pub(super) struct Pages {
    project: Project,
    /// Places in the project's list of files.
    places: HashMap<FileName, usize>,
    json: Bytes,
    html: OnceLock<Bytes>,
    digest: Digest,
}

/// From `pypi/simple/NAME/` to `pypi/files/NAME/SHA256/FILE`: the mirror's own address need not be known.
fn address(name: &ModuleName, file: &File) -> String {
    let digest = file.sha256.map_or(String::new(), |digest| digest.to_string());
    format!("../../files/{name}/{digest}/{}", file.name)
}

impl Pages {
    /// The page, and its tag.
    pub(super) fn text(&self, format: Format) -> (Bytes, String) {
        let html = || self.project.to_html(|file| address(&self.project.name, file)).into();
        let (text, kind) = match format {
            Format::Json => (&self.json, "json"),
            Format::Html => (self.html.get_or_init(html), "html"),
        };
        (text.clone(), format!("\"{}-{kind}\"", self.digest.short(32)))
    }

    /// The file of that name, where it is offered.
    pub(super) fn file(&self, name: &FileName) -> Option<&File> {
        self.places.get(name).map(|place| &self.project.files[*place])
    }
}

impl Modules {
    /// What to ask for a file, or for its metadata.
    pub(super) fn request(&self, file: &File, part: Part) -> Option<Request> {
        let url = match part {
            Part::Archive => file.url.clone(),
            Part::Metadata => file.metadata_url()?,
        };
        // The index's own password is for its own server alone.
        Some(Request { url: self.index.lend_credentials(&url), ..Request::default() })
    }
}

impl Speaks for Modules {
    type Name = ModuleName;
    type Record = Project;
    type Body = Pages;

    fn file(name: &ModuleName) -> String {
        format!("{name}.json")
    }

    async fn ask(&self, name: &ModuleName) -> Result<Request> {
        let url = format!("{}{name}/", self.index.secret());
        Ok(Request { url, accept: Some(ACCEPT), ..Request::default() })
    }

    fn read(&self, name: &ModuleName, bytes: &[u8], (kind, url): (Option<&str>, &str)) -> Result<Project> {
        simple::read(bytes, kind, url, name)
    }

    fn keep(&self, name: &ModuleName, before: Project, now: Option<Project>) -> Option<Project> {
        let is_gone = now.is_none();
        // What was taken for unsafe does not become safe by being removed.
        let status = before.status.clone().filter(|status| status.state == State::Quarantined);
        let held = |file: &File| {
            let held = |digest| self.files.of_python(digest, file.name.as_str()).is_held();
            file.sha256.is_some_and(held)
        };
        let kept =
            now.unwrap_or_else(|| Project { status, ..Project::empty(name.clone()) }).keeping(before, held);
        (!is_gone || !kept.files.is_empty()).then_some(kept)
    }

    fn body(&self, _: &ModuleName, project: Project) -> Result<Pages> {
        let json = Bytes::from(project.to_json(|file| address(&project.name, file)));
        let offered: HashSet<&FileName> = project.offered().map(|file| &file.name).collect();
        let places = project.files.iter().enumerate().filter(|(_, file)| offered.contains(&file.name));
        let places = places.map(|(place, file)| (file.name.clone(), place)).collect();
        Ok(Pages { places, digest: Digest::of(&json), json, html: OnceLock::new(), project })
    }

    fn files(project: &Project) -> Vec<(String, Digest)> {
        project.offered().filter_map(|file| Some((file.name.to_string(), file.sha256?))).collect()
    }

    fn weight(pages: &Pages) -> usize {
        // A page in both forms, and the list that they are made of: an upstream decides how long each text is.
        let Project { files, versions, .. } = &pages.project;
        let texts = |file: &File| {
            let optional = [&file.requires_python, &file.yanked, &file.uploaded].into_iter().flatten();
            file.url.len() + optional.map(String::len).sum::<usize>()
        };
        let texts: usize = files.iter().map(texts).chain(versions.iter().map(String::len)).sum();
        2 * pages.json.len() + 600 * files.len() + 60 * versions.len() + texts
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::OnceLock;

    use super::{Modules, Pages, Project, Speaks};
    use crate::digest::Digest;

    #[test]
    fn a_page_weighs_what_it_takes_in_memory() {
        let answer = |versions: usize, url: usize| {
            let versions = vec!["\"1.0\""; versions].join(",");
            let url = "a".repeat(url);
            let text = format!(
                "{{\"meta\":{{\"api-version\":\"1.1\"}},\"name\":\"x\",\"versions\":[{versions}],\
                 \"files\":[{{\"filename\":\"x-1.0.zip\",\"url\":\"/{url}\",\"hashes\":{{}}}}]}}"
            );
            let name = "x".parse().unwrap();
            let read = crate::registry::simple::read(text.as_bytes(), None, "http://h.invalid/", &name);
            let project: Project = read.unwrap();
            let json = project.to_json(|_| String::new()).into();
            let digest = Digest::of(b"");
            let pages =
                Pages { project, places: HashMap::default(), json, html: OnceLock::default(), digest };
            Modules::weight(&pages)
        };
        assert!((600..2_000).contains(&answer(1, 1)));
        assert!(answer(100_000, 1) > 5_000_000);
        assert!(answer(1, 1_000_000) > 1_000_000);
    }
}
