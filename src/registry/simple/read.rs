//! An upstream's answer, read.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::marker::PhantomData;

use html5gum::{DefaultEmitter, HtmlString, Spanned, StartTag, Token, Tokenizer};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;
use url::Url;

use super::{File, FileName, Project, State, Status};
use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::module::ModuleName;
use crate::quote::is_obeyed;

/// The version of the API whose answers are read (PEP 629): a newer minor one adds only what may be passed over.
const MAJOR: &str = "1";
/// The most files and versions that are taken of one project: twenty times what the largest has. A few bytes of an
/// answer are one of them, and that takes hundreds in memory.
pub(super) const MOST: usize = 500_000;
/// The longest text of a stranger that is taken over, in characters.
const LONGEST: usize = 1000;

/// Reads the answer of an index about `asked`, in JSON or HTML. `base_url` is the address that answered.
pub fn read(bytes: &[u8], content_type: Option<&str>, base_url: &str, asked: &ModuleName) -> Result<Project> {
    let base = Url::parse(base_url)
        .map_err(|error| senseless(asked, &format!("its own address is none: {error}")))?;
    let media =
        content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let project = match media.as_str() {
        "application/vnd.pypi.simple.v1+json" | "application/json" => json(bytes, &base, asked),
        "text/html" | "application/vnd.pypi.simple.v1+html" | "application/xhtml+xml" => {
            html(bytes, &base, asked)
        }
        "" if first == Some(&b'{') => json(bytes, &base, asked),
        "" if first == Some(&b'<') => html(bytes, &base, asked),
        other => Err(format!("it is of type {:?}, neither JSON nor HTML of an index", shown(other))),
    };
    let mut project = project.map_err(|why| senseless(asked, &why))?;
    let mut seen = HashSet::new();
    project.files.retain(|file| seen.insert(file.name.clone()));
    Ok(project)
}

fn senseless(asked: &ModuleName, why: &str) -> Fault {
    Fault::new(format!("the index gave an answer for {asked} that makes no sense")).why(why).help(
        "check the address of the index in pip's or uv's settings, and that no proxy answers in its place",
    )
}

/// A text of a stranger for a message: short, and without anything that a terminal would obey.
fn shown(text: &str) -> String {
    text.chars().take(60).collect::<String>().escape_debug().to_string()
}

#[derive(Deserialize)]
struct Answer<'a> {
    meta: Meta,
    name: String,
    #[serde(borrow, deserialize_with = "bounded")]
    files: Vec<&'a RawValue>,
    #[serde(default, deserialize_with = "bounded")]
    versions: Vec<String>,
    #[serde(default, rename = "project-status")]
    status: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(rename = "api-version")]
    version: String,
}

/// One file. What is of no use to a mirror may be anything.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Entry {
    filename: String,
    url: String,
    hashes: HashMap<String, String>,
    size: Option<u64>,
    requires_python: Option<String>,
    #[serde(default)]
    yanked: Yanked,
    core_metadata: Option<Metadata>,
    dist_info_metadata: Option<Metadata>,
    upload_time: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Yanked {
    Because(String),
    Is(bool),
    #[default]
    No,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Metadata {
    Digests(HashMap<String, String>),
    /// It is there, or not; who cannot verify it does without.
    Flag(#[expect(dead_code, reason = "read to be passed over")] bool),
}

impl Metadata {
    fn digest(&self) -> Option<Digest> {
        match self {
            Self::Digests(digests) => digest(digests.get("sha256")?),
            Self::Flag(_) => None,
        }
    }
}

/// A list of at most [`MOST`] things; a longer one is not read to its end.
fn bounded<'de, D, T>(deserializer: D) -> std::result::Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Bounded<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Bounded<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Vec<T>, A::Error> {
            let mut all = Vec::new();
            while let Some(one) = list.next_element()? {
                if all.len() == MOST {
                    return Err(de::Error::custom(too_many()));
                }
                all.push(one);
            }
            Ok(all)
        }
    }
    deserializer.deserialize_seq(Bounded(PhantomData))
}

fn too_many() -> String {
    format!("it has more than {MOST} files or versions")
}

fn json(bytes: &[u8], base: &Url, asked: &ModuleName) -> std::result::Result<Project, String> {
    let answer: Answer =
        serde_json::from_slice(bytes).map_err(|error| format!("it is no such JSON: {error}"))?;
    check_version(&answer.meta.version)?;
    if answer.name.parse::<ModuleName>().ok().as_ref() != Some(asked) {
        return Err(format!("it is about {:?}", shown(&answer.name)));
    }
    let status = answer.status.as_ref().and_then(|status| {
        let text = |key: &str| status.get(key).and_then(|value| value.as_str());
        read_status(text("status")?, text("reason"))
    });
    Ok(Project {
        name: asked.clone(),
        files: answer.files.iter().filter_map(|file| read_entry(file, base)).collect(),
        versions: answer.versions.into_iter().filter(|version| is_version(version)).collect(),
        status,
    })
}

/// `None`: the file is left out.
fn read_entry(entry: &RawValue, base: &Url) -> Option<File> {
    let entry: Entry = serde_json::from_str(entry.get()).ok()?;
    let url = address(base, base, &entry.url)?;
    let metadata = entry.core_metadata.or(entry.dist_info_metadata);
    Some(File {
        name: entry.filename.parse().ok()?,
        url: url.into(),
        sha256: entry.hashes.get("sha256").and_then(|text| digest(text)),
        size: entry.size,
        requires_python: specifiers(entry.requires_python)?,
        yanked: match entry.yanked {
            Yanked::Because(reason) => Some(plain(&reason)),
            Yanked::Is(true) => Some(String::new()),
            Yanked::Is(false) | Yanked::No => None,
        },
        metadata: metadata.and_then(|metadata| metadata.digest()),
        uploaded: entry.upload_time.filter(|time| is_time(time)),
    })
}

fn html(bytes: &[u8], base: &Url, asked: &ModuleName) -> std::result::Result<Project, String> {
    let mut project = Project::empty(asked.clone());
    let mut links_from: Option<Url> = None;
    let mut version = None;
    let mut state = None;
    let mut reason = None;
    // What stands in a script or a comment is no link.
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    for Ok(token) in Tokenizer::new_with_emitter(bytes, emitter) {
        let Token::StartTag(tag) = token else { continue };
        match tag.name.as_slice() {
            b"a" if project.files.len() == MOST => return Err(too_many()),
            b"a" => project.files.extend(read_anchor(&tag, base, links_from.as_ref().unwrap_or(base))),
            b"base" if links_from.is_none() => {
                links_from = text(&tag, "href").and_then(|href| base.join(href.trim()).ok());
            }
            b"meta" => {
                let content = text(&tag, "content");
                match text(&tag, "name").as_deref() {
                    Some("pypi:repository-version") => version = version.or(content),
                    Some("pypi:project-status") => state = state.or(content),
                    Some("pypi:project-status-reason") => reason = reason.or(content),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    match &version {
        Some(version) => check_version(version.trim())?,
        // Any page is HTML: that of a proxy that wants a password must not be taken for a project that lost all files.
        None if project.files.is_empty() => return Err("it is a page that names no file".to_owned()),
        None => {}
    }
    project.status = state.and_then(|state| read_status(&state, reason.as_deref()));
    Ok(project)
}

/// `None`: no link, or no file that is taken.
fn read_anchor(tag: &StartTag<()>, base: &Url, links_from: &Url) -> Option<File> {
    let href = text(tag, "href")?;
    let url = address(base, links_from, href.trim())?;
    let last = url.path_segments()?.next_back()?;
    let name: FileName = percent_encoding::percent_decode_str(last).decode_utf8().ok()?.parse().ok()?;
    let fragment = href.split_once('#').map_or("", |(_, fragment)| fragment);
    let sha256 = fragment.split('&').find_map(|pair| digest(pair.strip_prefix("sha256=")?));
    let metadata = text(tag, "data-core-metadata").or_else(|| text(tag, "data-dist-info-metadata"));
    Some(File {
        name,
        url: url.into(),
        sha256,
        size: None,
        requires_python: specifiers(text(tag, "data-requires-python"))?,
        yanked: text(tag, "data-yanked").map(|reason| plain(&reason)),
        metadata: metadata.and_then(|text| digest(text.strip_prefix("sha256=")?)),
        uploaded: None,
    })
}

/// An attribute, entities resolved. One that is no UTF-8 is none.
fn text(tag: &StartTag<()>, name: &str) -> Option<String> {
    let value: &Spanned<HtmlString, ()> = tag.attributes.get(name.as_bytes())?;
    String::from_utf8(value.to_vec()).ok()
}

/// The address of a file: of the web, without a fragment, and without the credentials of the index's own server.
fn address(base: &Url, links_from: &Url, text: &str) -> Option<Url> {
    let mut url = links_from.join(text).ok()?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return None;
    }
    url.set_fragment(None);
    if url.origin() == base.origin() {
        url.set_username("").ok()?;
        url.set_password(None).ok()?;
    }
    Some(url)
}

fn check_version(version: &str) -> std::result::Result<(), String> {
    let (major, minor) = version.split_once('.').unwrap_or((version, ""));
    match major == MAJOR && !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(()),
        false => {
            Err(format!("it is of version {:?} of the API, and envtool reads {MAJOR}.x", shown(version)))
        }
    }
}

fn read_status(state: &str, reason: Option<&str>) -> Option<Status> {
    let states = [State::Archived, State::Quarantined, State::Deprecated];
    let state = states.into_iter().find(|known| known.as_str() == state.trim())?;
    Some(Status { state, reason: reason.map(plain).filter(|reason| !reason.is_empty()) })
}

/// A SHA-256, and nothing but its digits.
fn digest(text: &str) -> Option<Digest> {
    text.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| text.parse().ok()).flatten()
}

/// `requires-python`: `None` where it holds what no author means, and the file is left out; without it, clients would
/// take the file for one that serves every Python.
#[expect(clippy::option_option, reason = "absent is an answer, and one that is not taken is none")]
fn specifiers(text: Option<String>) -> Option<Option<String>> {
    match text {
        Some(text) if text.contains(is_obeyed) || text.len() > LONGEST => None,
        text => Some(text.filter(|text| !text.trim().is_empty())),
    }
}

/// A reason, in one line without anything that a terminal would obey.
fn plain(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|c: char| is_obeyed(c) || c.is_whitespace()).filter(|w| !w.is_empty()).collect();
    words.join(" ").chars().take(LONGEST).collect()
}

fn is_version(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A time as PEP 700 has it: `2026-01-31T12:00:00.123456Z`. Another one would spoil the whole answer for uv.
fn is_time(text: &str) -> bool {
    let form = "0000-00-00T00:00:00";
    let Some((head, rest)) = text.split_at_checked(form.len()) else { return false };
    let fits = |(c, like): (u8, u8)| if like == b'0' { c.is_ascii_digit() } else { c == like };
    let digits = |part: &str| part.len() <= 9 && !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
    let rest_fits =
        rest == "Z" || rest.strip_prefix('.').and_then(|part| part.strip_suffix('Z')).is_some_and(digits);
    if !rest_fits || !head.bytes().zip(form.bytes()).all(fits) {
        return false;
    }
    let number = |range: std::ops::Range<usize>| head[range].parse::<u32>().unwrap_or(0);
    let year = number(0..4);
    let days = match number(5..7) {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => return false,
    };
    (1..=days).contains(&number(8..10)) && number(11..13) < 24 && number(14..16) < 60 && number(17..19) < 60
}
