//! The rows of a sparse index as a mirror hands them on: each as the upstream wrote it, byte for byte.

use std::collections::HashSet;

use semver::Version;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::digest::Digest;

/// As much of a row as says which archive it is about.
#[derive(Deserialize)]
struct Row {
    name: String,
    vers: Version,
    cksum: String,
}

impl Row {
    fn read(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    fn checksum(&self) -> Option<Digest> {
        self.cksum.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| self.cksum.parse().ok()).flatten()
    }
}

/// The rows of `now`, with those of the answer `before` that the upstream no longer has and the mirror holds: they are
/// yanked, so that a Cargo.lock which names one goes on working, and nobody chooses it anew. `now` is empty where the
/// package is gone.
pub fn keeping(before: &[u8], now: &[u8], held: impl Fn(&Version, &Digest) -> bool) -> Vec<u8> {
    let listed: HashSet<Version> = lines(now).filter_map(Row::read).map(|row| row.vers).collect();
    let mut rows = now.to_vec();
    for line in lines(before) {
        let Some(row) = Row::read(line).filter(|row| !listed.contains(&row.vers)) else { continue };
        if let Some(checksum) = row.checksum()
            && held(&row.vers, &checksum)
            && let Some(yanked) = yanked(line)
        {
            if rows.last().is_some_and(|last| *last != b'\n') {
                rows.push(b'\n');
            }
            rows.extend(yanked);
            rows.push(b'\n');
        }
    }
    rows
}

/// Each release in an answer, as `NAME VERSION`, and the SHA-256 of its archive.
pub fn archives(rows: &[u8]) -> impl Iterator<Item = (String, Digest)> {
    let archive = |row: Row| Some((format!("{} {}", row.name, row.vers), row.checksum()?));
    lines(rows).filter_map(Row::read).filter_map(archive)
}

fn lines(rows: &[u8]) -> impl Iterator<Item = &[u8]> {
    rows.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty())
}

/// A row, yanked; as it is where it was so before.
fn yanked(line: &[u8]) -> Option<Vec<u8>> {
    let mut row: Map<String, Value> = serde_json::from_slice(line).ok()?;
    if row.insert("yanked".to_owned(), true.into()) == Some(true.into()) {
        return Some(line.to_vec());
    }
    serde_json::to_vec(&row).ok()
}

#[cfg(test)]
mod tests {
    use super::{Digest, keeping};

    fn row(version: &str, more: &str) -> String {
        let digest = Digest::of(version.as_bytes());
        format!(
            "{{\"name\":\"a\",\"vers\":\"{version}\",\"zz\":1,\"cksum\":\"{digest}\",\"deps\":[]{more}}}\n"
        )
    }

    fn kept(before: &str, now: &str, held: &[&str]) -> String {
        let rows = keeping(before.as_bytes(), now.as_bytes(), |version, digest| {
            let version = version.to_string();
            assert_eq!(*digest, Digest::of(version.as_bytes()));
            held.contains(&version.as_str())
        });
        String::from_utf8(rows).unwrap()
    }

    #[test]
    fn rows_that_are_gone_stay_where_the_archive_is_held() {
        let live = ",\"yanked\":false,\"v\":9,\"features\":{\"b\":[],\"a\":[]}";
        let before =
            row("1.0.0", live) + &row("1.1.0", "") + "{\"odd\" : 1}\n" + &row("1.2.0", live) + "junk";
        let all = ["1.0.0", "1.1.0", "1.2.0"];
        // What the upstream says counts, however odd, and nothing is lost of it.
        let now = row("1.2.0", ",\"yanked\":true") + "  {\"odd\" : 2}\nnot json\n\n";
        let gone = row("1.0.0", &live.replace("false", "true"));
        assert_eq!(kept(&before, &now, &all), now.clone() + &gone + &row("1.1.0", ",\"yanked\":true"));
        assert_eq!(kept(&before, &now, &["1.0.0"]), now.clone() + &gone);
        assert_eq!(kept(&before, &now, &[]), now);
        // A last row without a newline is still one row.
        assert_eq!(kept(&before, now.trim_end(), &["1.0.0"]), now.trim_end().to_owned() + "\n" + &gone);
        // The package is gone as a whole; and a second time nothing changes.
        let last = kept(&before, "", &all);
        assert_eq!(last.lines().count(), 3);
        assert_eq!(last.matches("\"yanked\":true").count(), 3);
        assert_eq!(kept(&last, "", &all), last);
        assert_eq!(kept(&last, &before, &all), before);
        assert_eq!(kept("", "", &all), "");
    }

    #[test]
    fn a_row_that_names_no_archive_is_not_brought_back() {
        let odd =
            row("banana", "") + &row("1.0.0", "").replace("\"cksum\":\"", "\"cksum\":\"sha256:") + "{}\n[]\n";
        assert_eq!(kept(&odd, "", &["1.0.0", "banana"]), "");
    }
}
