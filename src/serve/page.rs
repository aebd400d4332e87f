//! The page for people: what the mirror holds, how its registries are, and what each client has to be told.
//!
//! Plain HTML without a script and without anything from elsewhere. A click on a block selects all of it.

use std::ffi::OsStr;
use std::time::Duration;

use html_escape::{encode_double_quoted_attribute as attribute, encode_text as escaped};
use url::Url;

use crate::quote::Syntax;

/// How it looks.
const STYLE: &str = include_str!("page.css");
/// The name that clients are told for it.
const NAME: &str = "envtool-mirror";
/// Stands where the reader's own token belongs.
const TOKEN: &str = "TOKEN";
/// How many names of held packages are shown of each kind.
const SHOWN: usize = 200;

/// What the page says.
#[derive(Debug, Clone)]
pub(super) struct Page {
    /// The mirror's address as the reader reaches it, without a `/` at its end.
    pub(super) base: String,
    /// The version of envtool.
    pub(super) version: &'static str,
    /// The registry of crates.
    pub(super) crates: Upstream,
    /// The registry of Python packages; `None` where there is none.
    pub(super) pypi: Option<Upstream>,
    /// What is held of each kind: in the words of a row, how many and how many bytes.
    pub(super) held: Vec<(&'static str, Count)>,
    /// Answers from what is held.
    pub(super) hits: u64,
    /// Answers for which a registry was asked.
    pub(super) misses: u64,
    /// Answers that are old, since their registry could not be asked.
    pub(super) stale: u64,
    /// How long it has been running.
    pub(super) uptime: Duration,
    /// Whether readers need a token.
    pub(super) needs_token: bool,
    /// Crates that are held, `NAME VERSION`; the first 200 are shown.
    pub(super) held_crates: Vec<String>,
    /// Files of Python packages that are held; the first 200 are shown.
    pub(super) held_files: Vec<String>,
}

/// A registry behind the mirror.
#[derive(Debug, Clone)]
pub(super) struct Upstream {
    /// Its address, without secrets.
    pub(super) address: String,
    /// How it is.
    pub(super) state: State,
}

/// How a registry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// It was not asked yet.
    Unasked,
    /// It answered when it was last asked.
    Up,
    /// It did not.
    Down {
        /// For how long.
        since: Duration,
        /// Why, without secrets.
        why: String,
    },
    /// The mirror runs with `--offline`.
    Offline,
}

/// How many, and how many bytes they have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// How many.
    pub(super) number: u64,
    /// Their bytes.
    pub(super) bytes: u64,
}

/// What a client has to be told: its name, and blocks with a line above each.
type Client = (&'static str, Vec<(String, String)>);

impl Page {
    /// The page.
    pub(super) fn html(&self) -> String {
        let clients = self.clients();
        let mut page = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>envtool mirror</title>\n\
             <style>\n{STYLE}</style>\n</head>\n<body>\n<h1>envtool mirror</h1>\n\
             <p class=\"dim\"><span class=\"address\">{}</span> · envtool {} · up for {}</p>\n<nav>",
            escaped(&self.base),
            escaped(self.version),
            span(self.uptime)
        );
        for (name, _) in &clients {
            page.push_str(&format!("<a href=\"#{name}\">{name}</a>"));
        }
        page.push_str(&format!(
            "<a href=\"{0}/metrics\">metrics</a><a href=\"{0}/healthz\">health</a></nav>\n",
            attribute(&self.base)
        ));
        page.push_str("<h2>Registries behind it</h2>\n<table>\n");
        let upstreams = [("crates", Some(&self.crates)), ("Python packages", self.pypi.as_ref())];
        for (what, upstream) in upstreams {
            page.push_str(&row(what, &upstream.map_or_else(|| "none".to_owned(), Upstream::html)));
        }
        page.push_str("</table>\n<h2>What is held</h2>\n<table>\n");
        for (what, count) in &self.held {
            page.push_str(&row(what, &format!("{} · {}", grouped(count.number), bytes(count.bytes))));
        }
        page.push_str(&row("answers", &self.answers()));
        page.push_str("</table>\n");
        page.push_str(&names("crates", &self.held_crates));
        page.push_str(&names("Python files", &self.held_files));
        page.push_str("<h2>For your clients</h2>\n<p>A click on a block selects all of it.");
        if self.needs_token {
            page.push_str(&format!(
                " This mirror wants a token: put yours where it says <code>{TOKEN}</code>."
            ));
        }
        page.push_str("</p>\n");
        for (name, blocks) in &clients {
            page.push_str(&format!("<h3 id=\"{name}\">{name}</h3>\n"));
            for (above, text) in blocks {
                page.push_str(&format!("<p>{above}</p>\n<pre>{}</pre>\n", escaped(text)));
            }
        }
        page.push_str("</body>\n</html>\n");
        page
    }

    fn answers(&self) -> String {
        let share = (self.hits * 100).checked_div(self.hits + self.misses + self.stale);
        let mut text =
            format!("{} from what is held, {} asked for", grouped(self.hits), grouped(self.misses));
        if self.stale > 0 {
            text.push_str(&format!(", {} old, as the registry could not be asked", grouped(self.stale)));
        }
        if let Some(share) = share {
            text.push_str(&format!(" <span class=\"dim\">({share} % held)</span>"));
        }
        text
    }

    fn clients(&self) -> Vec<Client> {
        let mut clients = vec![("envtool", self.envtool()), ("cargo", self.cargo())];
        if self.pypi.is_some() {
            clients.extend([("pip", self.pip()), ("uv", self.uv())]);
        }
        clients.push(("curl", self.curl()));
        clients
    }

    fn envtool(&self) -> Vec<(String, String)> {
        let mut lines = export("ENVTOOL_MIRROR", &self.base);
        if self.needs_token {
            lines.push_str(&export("ENVTOOL_MIRROR_TOKEN", TOKEN));
            let above = "For one shell; a token goes to no mirror that a project alone names:";
            return vec![(above.to_owned(), lines)];
        }
        let above =
            "For one shell; <code>[env] mirror</code> in <code>envtool.toml</code> says it for a project:";
        vec![(above.to_owned(), lines)]
    }

    fn cargo(&self) -> Vec<(String, String)> {
        let mut config = format!(
            "[source.crates-io]\nreplace-with = \"{NAME}\"\n\n[registries.{NAME}]\nindex = {}\n",
            toml_string(&format!("sparse+{}/crates/index/", self.base))
        );
        let file =
            "<code>.cargo/config.toml</code> of a project, or <code>config.toml</code> in cargo's home:";
        if !self.needs_token {
            return vec![(file.to_owned(), config)];
        }
        config.push_str("credential-provider = \"cargo:token\"\n");
        let variable = format!("CARGO_REGISTRIES_{}_TOKEN", NAME.to_uppercase().replace('-', "_"));
        let token = "And the token, for one shell:".to_owned();
        vec![(file.to_owned(), config), (token, export(&variable, TOKEN))]
    }

    fn pip(&self) -> Vec<(String, String)> {
        let index = self.with_token("/pypi/simple/");
        let mut config = format!("[global]\nindex-url = {index}\n");
        let mut shell = export("PIP_INDEX_URL", &index);
        if let Some(host) = self.untrusted_host() {
            config.push_str(&format!("trusted-host = {host}\n"));
            shell.push_str(&export("PIP_TRUSTED_HOST", &host));
        }
        vec![
            ("<code>pip.conf</code> (<code>pip.ini</code> on Windows; <code>pip config debug</code> says where):".to_owned(), config),
            ("Or for one shell:".to_owned(), shell),
        ]
    }

    fn uv(&self) -> Vec<(String, String)> {
        let index = format!("{}/pypi/simple/", self.base);
        let mut config =
            format!("[[index]]\nname = \"{NAME}\"\nurl = {}\ndefault = true\n", toml_string(&index));
        let mut blocks = Vec::new();
        if self.needs_token {
            config.push_str("authenticate = \"always\"\n");
            let variable = format!("UV_INDEX_{}", NAME.to_uppercase().replace('-', "_"));
            let shell = export(&format!("{variable}_USERNAME"), "token")
                + &export(&format!("{variable}_PASSWORD"), TOKEN);
            blocks.push(("And the token, for one shell:".to_owned(), shell));
        }
        let file =
            "<code>uv.toml</code> of a project, or <code>uv/uv.toml</code> in your configuration folder:";
        blocks.insert(0, (file.to_owned(), config));
        blocks.push((
            "Or all of it for one shell:".to_owned(),
            export("UV_DEFAULT_INDEX", &self.with_token("/pypi/simple/")),
        ));
        blocks
    }

    fn curl(&self) -> Vec<(String, String)> {
        let ask = |options: &str, path: &str| {
            let token =
                if self.needs_token { format!("-H 'Authorization: Bearer {TOKEN}' ") } else { String::new() };
            format!("curl -fsS {token}{options}{}\n", word(&format!("{}{path}", self.base)))
        };
        let mut blocks = vec![
            ("What there is of a crate:".to_owned(), ask("", "/crates/index/se/rd/serde")),
            ("An archive:".to_owned(), ask("-o serde.crate ", "/crates/archives/serde/1.0.219/download")),
        ];
        if self.pypi.is_some() {
            let json = "-H 'Accept: application/vnd.pypi.simple.v1+json' ";
            blocks
                .push(("What there is of a Python package:".to_owned(), ask(json, "/pypi/simple/requests/")));
        }
        blocks
    }

    /// An address of the mirror, with the token in it where one is needed.
    fn with_token(&self, path: &str) -> String {
        let base = match self.base.split_once("://") {
            Some((scheme, rest)) if self.needs_token => format!("{scheme}://token:{TOKEN}@{rest}"),
            _ => self.base.clone(),
        };
        base + path
    }

    /// The host that pip has to be told to trust: one that is asked without TLS and is not this machine.
    fn untrusted_host(&self) -> Option<String> {
        let url = Url::parse(&self.base).ok().filter(|url| url.scheme() == "http")?;
        let host = url.host_str()?;
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        let is_here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        (!is_here).then(|| host.to_owned())
    }
}

impl Upstream {
    fn html(&self) -> String {
        let (class, state) = match &self.state {
            State::Unasked => ("dim", "not asked yet".to_owned()),
            State::Up => ("up", "up".to_owned()),
            State::Offline => {
                ("dim", "not asked: the mirror runs offline, and gives what it holds".to_owned())
            }
            State::Down { since, .. } => ("down", format!("down for {}", span(*since))),
        };
        let mut text = format!(
            "<span class=\"{class}\">{state}</span><br><span class=\"address\">{}</span>",
            escaped(&self.address)
        );
        if let State::Down { why, .. } = &self.state {
            text.push_str(&format!("<br><span class=\"dim why\">{}</span>", escaped(why)));
        }
        text
    }
}

fn row(what: &str, html: &str) -> String {
    format!("<tr><th scope=\"row\">{what}</th><td>{html}</td></tr>\n")
}

fn names(what: &str, names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let more = names.len().saturating_sub(SHOWN);
    let mut list = format!("<details><summary>names of the {what}</summary>\n<ul>\n");
    for name in names.iter().take(SHOWN) {
        list.push_str(&format!("<li>{}</li>\n", escaped(name)));
    }
    if more > 0 {
        list.push_str(&format!("<li class=\"dim\">and {} more</li>\n", grouped(more as u64)));
    }
    list + "</ul>\n</details>\n"
}

/// A line that sets a variable in a POSIX shell.
fn export(name: &str, value: &str) -> String {
    format!("export {name}={}\n", word(value))
}

/// A text as one word of a POSIX shell; as it is, where that is one already.
fn word(text: &str) -> String {
    if text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:@+".contains(c)) {
        return text.to_owned();
    }
    Syntax::Posix.quote(OsStr::new(text)).unwrap_or_default()
}

fn toml_string(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A number with commas: `12,345`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut text = digits[..first].to_owned();
    for at in (first..digits.len()).step_by(3) {
        if at > 0 {
            text.push(',');
        }
        text.push_str(&digits[at..at + 3]);
    }
    text
}

/// A number of bytes for people: three digits that count.
fn bytes(number: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let Some(power) = number.checked_ilog2().and_then(|log| (log / 10).checked_sub(1)) else {
        return format!("{number} bytes");
    };
    // Hundredths of the unit, without a float that could round to another one.
    let hundredths = (u128::from(number) * 100) >> (10 * (power + 1));
    let unit = units.get(power as usize).copied().unwrap_or_default();
    let (whole, part) = (hundredths / 100, hundredths % 100);
    match whole {
        0..10 => format!("{whole}.{part:02} {unit}"),
        10..100 => format!("{whole}.{} {unit}", part / 10),
        _ => format!("{whole} {unit}"),
    }
}

/// A time for people: its two largest parts.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let largest = parts.iter().position(|(number, _)| *number > 0).unwrap_or(3);
    let shown: Vec<String> = parts
        .iter()
        .skip(largest)
        .take(2)
        .filter(|(number, _)| *number > 0)
        .map(|(number, unit)| format!("{number} {unit}"))
        .collect();
    if shown.is_empty() { "0 s".to_owned() } else { shown.join(" ") }
}

#[cfg(test)]
mod tests;
