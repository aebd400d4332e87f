//! The mirror's own answers.

use std::fmt::Write as _;

use html_escape::{encode_double_quoted_attribute as attribute, encode_text};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{File, Project};
use crate::module::ModuleName;

/// The version of the API where every file has its size and the project its versions (PEP 700).
const WITH_SIZES: &str = "1.1";
/// The version where something of these is missing.
const WITHOUT: &str = "1.0";

#[derive(Serialize)]
struct Page<'a> {
    meta: Value,
    name: &'a str,
    files: Vec<Entry<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    versions: &'a [String],
    #[serde(rename = "project-status", skip_serializing_if = "Option::is_none")]
    status: Option<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Entry<'a> {
    filename: &'a str,
    url: String,
    hashes: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requires_python: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_time: Option<&'a str>,
    yanked: Value,
    /// Its older name, `dist-info-metadata`, is left out: pip 22.3 to 23.0 breaks over it (PEP 714).
    #[serde(skip_serializing_if = "Option::is_none")]
    core_metadata: Option<Value>,
}

impl Project {
    /// The answer in JSON (PEP 691). `address` says where the mirror has a file; its METADATA lies there too, with
    /// `.metadata` behind it.
    pub fn to_json(&self, address: impl Fn(&File) -> String) -> Vec<u8> {
        let page = Page {
            meta: json!({ "api-version": self.api_version() }),
            name: self.name.as_str(),
            files: self.offered().map(|file| entry(file, address(file))).collect(),
            versions: &self.versions,
            status: self.status.as_ref().map(|status| {
                let mut table = Map::from_iter([("status".to_owned(), status.state.as_str().into())]);
                table.extend(status.reason.as_deref().map(|reason| ("reason".to_owned(), reason.into())));
                table.into()
            }),
        };
        // Strings, numbers and keys that are strings: there is nothing in it that could not be written.
        serde_json::to_vec(&page).unwrap_or_default()
    }

    /// The answer in HTML (PEP 503).
    pub fn to_html(&self, address: impl Fn(&File) -> String) -> String {
        let mut page = head(self.api_version());
        if let Some(status) = &self.status {
            let metas = [("", Some(status.state.as_str())), ("-reason", status.reason.as_deref())];
            for (what, value) in metas.iter().filter_map(|(what, value)| Some((what, (*value)?))) {
                page.push_str(&format!(
                    "<meta name=\"pypi:project-status{what}\" content=\"{}\">\n",
                    attribute(value)
                ));
            }
        }
        page.push_str(&format!(
            "<title>Links for {0}</title>\n</head>\n<body>\n<h1>Links for {0}</h1>\n",
            self.name
        ));
        for file in self.offered() {
            let mut anchor = |name: &str, value: &str| {
                let _ = write!(page, " {name}=\"{}\"", attribute(value));
            };
            let sha256 = file.sha256.map(|digest| format!("#sha256={digest}")).unwrap_or_default();
            anchor("<a href", &(address(file) + &sha256));
            if let Some(python) = &file.requires_python {
                anchor("data-requires-python", python);
            }
            if let Some(reason) = &file.yanked {
                anchor("data-yanked", reason);
            }
            if let Some(digest) = &file.metadata {
                anchor("data-core-metadata", &format!("sha256={digest}"));
                anchor("data-dist-info-metadata", &format!("sha256={digest}"));
            }
            page.push_str(&format!(">{}</a><br>\n", encode_text(file.name.as_str())));
        }
        page.push_str("</body>\n</html>\n");
        page
    }

    /// The newest version of the API whose promises the answer keeps.
    fn api_version(&self) -> &'static str {
        let whole = self.offered().all(|file| file.size.is_some());
        let listed = !self.versions.is_empty() || self.offered().next().is_none();
        if whole && listed { WITH_SIZES } else { WITHOUT }
    }
}

/// The list of projects, in JSON.
pub fn names_to_json(names: &[ModuleName]) -> Vec<u8> {
    let projects: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
    json!({ "meta": { "api-version": WITH_SIZES }, "projects": projects }).to_string().into_bytes()
}

/// The list of projects, in HTML; each lies below it.
pub fn names_to_html(names: &[ModuleName]) -> String {
    let mut page = format!("{}<title>Simple index</title>\n</head>\n<body>\n", head(WITH_SIZES));
    for name in names {
        page.push_str(&format!("<a href=\"{name}/\">{name}</a><br>\n"));
    }
    page + "</body>\n</html>\n"
}

/// What a page begins with.
fn head(version: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"pypi:repository-version\" content=\"{version}\">\n"
    )
}

fn entry(file: &File, url: String) -> Entry<'_> {
    let metadata = file.metadata.map(|digest| json!({ "sha256": digest.to_string() }));
    Entry {
        filename: file.name.as_str(),
        url,
        hashes: file.sha256.map_or_else(|| json!({}), |digest| json!({ "sha256": digest.to_string() })),
        size: file.size,
        requires_python: file.requires_python.as_deref(),
        upload_time: file.uploaded.as_deref(),
        // pip takes an empty reason for none at all.
        yanked: file.yanked.as_deref().map_or(false.into(), |reason| match reason.is_empty() {
            true => true.into(),
            false => reason.into(),
        }),
        core_metadata: metadata,
    }
}
