//! Names that are a house's own: a registry that is open to everyone is never asked about them.

use serde::{Deserialize, Deserializer, de};

/// Names and patterns of names. Case counts for nothing, and every run of `-`, `_` and `.` is one `-`: who takes such a
/// name from a house with another spelling must not get a stranger's package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Private(Vec<String>);

impl Private {
    /// Whether a name is private.
    pub fn matches(&self, name: &str) -> bool {
        let name = normalized(name);
        self.0.iter().any(|pattern| matches(pattern, &name))
    }

    /// Whether no name is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn normalized(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '-' | '_' | '.' if plain.ends_with('-') => {}
            '-' | '_' | '.' => plain.push('-'),
            c => plain.extend(c.to_lowercase()),
        }
    }
    plain
}

/// Whether a name is what a pattern says, `*` being any characters, none included.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

impl<'de> Deserialize<'de> for Private {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = |pattern: &String| {
            let known = |c: char| c.is_ascii_alphanumeric() || "-_.*".contains(c);
            match pattern.contains(|c: char| c.is_ascii_alphanumeric() || c == '*')
                && pattern.chars().all(known)
            {
                true => Ok(normalized(pattern)),
                false => Err(de::Error::custom(format!(
                    "{pattern:?} is no name of a package: letters and digits of ASCII, `-`, `_`, `.`, and `*` for any of them"
                ))),
            }
        };
        Vec::<String>::deserialize(deserializer)?.iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::Private;

    #[test]
    fn a_name_is_private_however_it_is_spelled() {
        let read = |patterns: &[&str]| serde_json::from_value::<Private>(patterns.into()).unwrap();
        for (pattern, names, others) in [
            ("internal", "internal Internal INTERNAL", "internals my-internal intern x"),
            ("acme-*", "acme-a ACME_a acme.a acme--a acme-a-b acme-", "acme acmea my-acme-a"),
            ("Acme__*", "acme-a acme_a", "acmea"),
            ("*-acme", "a-acme a_acme -acme", "acme a-acme-b"),
            ("a*b*c", "abc a-b-c axbxc abbcc", "ab ac acb abcd xabc"),
            ("a*a", "aa aba", "a"),
            ("*", "a b-c", ""),
            ("**a*", "a ba ab", "b"),
        ] {
            let private = read(&[pattern]);
            assert!(names.split(' ').all(|name| private.matches(name)), "{pattern}: {names}");
            assert!(
                others.split(' ').all(|name| name.is_empty() || !private.matches(name)),
                "{pattern}: {others}"
            );
        }
        assert!(read(&["x", "y-*"]).matches("y-1") && !read(&[]).matches("x") && read(&[]).is_empty());
        for bad in ["", "-", "a/b", "a b", "größe", "a\n", "[ab]", "a?"] {
            assert!(serde_json::from_value::<Private>([bad].as_slice().into()).is_err(), "{bad}");
        }
        // No pattern makes a name take long.
        let many = read(&[&format!("{}b", "a*".repeat(5_000))]);
        assert!(!many.matches(&"a".repeat(100_000)));
    }
}
