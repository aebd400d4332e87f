//! Names that are near to one that nobody knows: what the user may have meant.

use std::collections::BTreeSet;

use crate::package::PackageName;

/// How many names are offered.
const OFFERED: usize = 3;
/// How many names an index is asked about at most.
const ASKED: usize = 120;
/// The longest name of crates.io: what is longer is a slip of none.
const LONGEST: usize = 64;
/// What may be missing, the likeliest first: a separator, then letters as often as English has them.
const MISSING: &str = "_-etaoinsrlcdumpgfhbywkvxzjq";
/// The rows of the usual keyboard.
const KEYBOARD: [&str; 4] = ["1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"];
/// What names end in, or not.
const ENDINGS: [&str; 5] = ["-rs", "_rs", "rs", "s", "-cli"];

/// What to say where a key of a TOML file is not known: the keys that it may be a slip of, from what serde says of it,
/// where the names stand in backquotes, the unknown one first.
pub fn key_meant(message: &str) -> Option<String> {
    let mut names = message.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2);
    let near = nearest(names.next()?, names);
    (!near.is_empty()).then(|| format!("did you mean `{}`?", near.join("` or `")))
}

/// Names that an index may have where it does not have `name`, which is the user's: at most 120, all different, the
/// likeliest slips first. In lower case, as an index files them.
///
/// An index has no list of its names, so each of these is a request; that is why the number is small.
pub fn variants(name: &str) -> Vec<PackageName> {
    let plain = name.to_lowercase();
    let letters: Vec<char> = plain.chars().collect();
    if letters.len() > LONGEST {
        return Vec::new();
    }
    let slips = separators(&plain)
        .chain(endings(&plain))
        .chain(swapped(&letters))
        .chain(without_one(&letters))
        .chain(doubled(&letters))
        .chain(beside(&letters))
        .chain(with_one(&letters));
    let mut seen = BTreeSet::from([plain.clone()]);
    slips
        .filter(|slip| seen.insert(slip.clone()))
        .filter_map(|slip| slip.parse::<PackageName>().ok())
        .take(ASKED)
        .collect()
}

/// The separators: the other one everywhere, none, the other one in one place.
fn separators(name: &str) -> impl Iterator<Item = String> {
    let places: Vec<usize> = name.match_indices(['-', '_']).map(|(at, _)| at).collect();
    let whole = [name.replace('_', "-"), name.replace('-', "_"), name.replace(['-', '_'], "")];
    let single: Vec<String> = places
        .iter()
        .map(|at| {
            let (before, after) = name.split_at(*at);
            let other = if after.starts_with('-') { '_' } else { '-' };
            format!("{before}{other}{}", after.chars().skip(1).collect::<String>())
        })
        .collect();
    whole.into_iter().chain(single)
}

/// An ending too much or too few.
fn endings(name: &str) -> impl Iterator<Item = String> {
    let less = ENDINGS.iter().filter_map(|ending| name.strip_suffix(ending)).map(ToOwned::to_owned);
    less.chain(ENDINGS.iter().map(move |ending| format!("{name}{ending}")))
}

/// Two neighbours in the wrong order.
fn swapped(letters: &[char]) -> impl Iterator<Item = String> {
    (1..letters.len()).map(|at| {
        let mut letters = letters.to_vec();
        letters.swap(at - 1, at);
        letters.into_iter().collect()
    })
}

/// A letter too much; also one that was doubled.
fn without_one(letters: &[char]) -> impl Iterator<Item = String> {
    (0..letters.len()).map(|at| letters[..at].iter().chain(&letters[at + 1..]).collect())
}

/// A letter that should stand twice.
fn doubled(letters: &[char]) -> impl Iterator<Item = String> {
    (0..letters.len()).map(|at| letters[..=at].iter().chain(&letters[at..]).collect())
}

/// The key beside the one that was meant.
fn beside(letters: &[char]) -> impl Iterator<Item = String> {
    (0..letters.len()).flat_map(move |at| {
        neighbours(letters[at])
            .into_iter()
            .map(move |key| letters[..at].iter().chain([&key]).chain(&letters[at + 1..]).collect())
    })
}

fn neighbours(letter: char) -> Vec<char> {
    let row = KEYBOARD.iter().find(|row| row.contains(letter)).copied().unwrap_or_default();
    let keys: Vec<char> = row.chars().collect();
    let at = keys.iter().position(|key| *key == letter).unwrap_or_default();
    [at.checked_sub(1), at.checked_add(1)].iter().flatten().filter_map(|at| keys.get(*at)).copied().collect()
}

/// A letter too few. A separator is missing between two letters only.
fn with_one(letters: &[char]) -> impl Iterator<Item = String> {
    MISSING.chars().flat_map(move |missing| {
        let edge = usize::from("-_".contains(missing));
        (edge..=letters.len().saturating_sub(edge))
            .map(move |at| letters[..at].iter().chain([&missing]).chain(&letters[at..]).collect())
    })
}

/// Up to three of `known` that `asked` may be a slip of, the nearest first.
///
/// One slip in three letters is near, and more than three slips never are. Case counts for nothing, and `-` is `_`.
pub fn nearest<'k>(asked: &str, known: impl Iterator<Item = &'k str>) -> Vec<String> {
    let plain = |name: &str| name.to_lowercase().replace('-', "_");
    let wanted = plain(asked);
    let length = wanted.chars().count();
    let limit = (length.max(3) / 3).min(3);
    let mut near: Vec<(usize, &str)> = known
        .filter(|name| *name != asked && name.chars().count().abs_diff(length) <= limit)
        .map(|name| (strsim::damerau_levenshtein(&wanted, &plain(name)), name))
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(OFFERED).map(|(_, name)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{PackageName, nearest, variants};

    #[test]
    fn the_usual_slips_are_among_the_names_that_an_index_is_asked_about() {
        for (slip, meant) in [
            ("serde-json", "serde_json"),
            ("serdejson", "serde_json"),
            ("serde_jsno", "serde_json"),
            ("Serde_Jsn", "serde_json"),
            ("async-trait_x", "async_trait_x"),
            ("tokoi", "tokio"),
            ("tokkio", "tokio"),
            ("toki", "tokio"),
            ("tokip", "tokio"),
            ("clapp", "clap"),
            ("ripgrp", "ripgrep"),
            ("reqwst", "reqwest"),
            ("anyhwo", "anyhow"),
            ("image-rs", "image"),
            ("wgpurs", "wgpu"),
            ("cokie", "cookie"),
            ("bitflag", "bitflags"),
            ("tracing-subscirber", "tracing-subscriber"),
            ("cargo-nextst", "cargo-nextest"),
        ] {
            assert!(variants(slip).iter().any(|name| name.as_str() == meant), "{slip}: {:?}", variants(slip));
        }
        assert_eq!(variants("serde-json")[0].as_str(), "serde_json");
    }

    #[test]
    fn few_names_are_asked_about_and_each_once() {
        for name in
            ["a", "ab", "serde_json", "größe", "--", "__", "../x", "", &"ab-".repeat(21), &"a".repeat(64)]
        {
            let found = variants(name);
            let distinct: BTreeSet<&str> = found.iter().map(PackageName::as_str).collect();
            assert!(found.len() <= 120 && distinct.len() == found.len(), "{name}: {found:?}");
            assert!(!distinct.contains(name), "{name}: {found:?}");
        }
        assert!(variants(&"a".repeat(65)).is_empty() && variants(&"a".repeat(10_000)).is_empty());
    }

    #[test]
    fn the_nearest_come_first() {
        let known = ["derive", "std", "alloc", "rc", "derived", "Serde-JSON", "deriv"];
        let near = |asked: &str| nearest(asked, known.iter().copied()).join(" ");
        assert_eq!(near("dreive"), "derive deriv derived");
        assert_eq!(near("st"), "std");
        assert_eq!(near("serde_json"), "Serde-JSON");
        assert_eq!(near("aloc"), "alloc");
        assert_eq!(near("std"), "");
        assert_eq!(near("banana"), "");
        assert_eq!(near(""), "");
        assert_eq!(near(&"a".repeat(10_000)), "");
    }
}
