//! Names that are near to one that nobody knows: what the user may have meant.

/// How many names are offered.
const OFFERED: usize = 3;

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
    use super::nearest;

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
