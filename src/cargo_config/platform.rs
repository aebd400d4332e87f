//! The names of `[target]`: a platform, or `cfg(…)` over what `rustc --print cfg` says (reference of Rust,
//! "Conditional compilation").

/// Whether a name of `[target]` is about the platform `host`, whose settings `cfgs` lists, one a line. What is no such
/// name is about none: cargo says so itself.
pub(super) fn is_about(name: &str, host: &str, cfgs: &str) -> bool {
    match name.trim().strip_prefix("cfg").map(str::trim_start) {
        Some(rest) if rest.starts_with('(') => {
            let mut reader = Reader { rest, cfgs };
            reader.group().is_some_and(|values| reader.rest.trim().is_empty() && values == [true])
        }
        _ => name == host,
    }
}

struct Reader<'t> {
    rest: &'t str,
    cfgs: &'t str,
}

impl<'t> Reader<'t> {
    fn take(&mut self, sign: char) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(sign)?;
        Some(())
    }

    fn word(&mut self) -> Option<&'t str> {
        let text = self.rest.trim_start();
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    /// `(a, b, …)`.
    fn group(&mut self) -> Option<Vec<bool>> {
        self.take('(')?;
        let mut values = Vec::new();
        while self.take(')').is_none() {
            values.push(self.value()?);
            if self.take(',').is_none() {
                self.take(')')?;
                break;
            }
        }
        Some(values)
    }

    fn value(&mut self) -> Option<bool> {
        let word = self.word()?;
        if self.rest.trim_start().starts_with('(') {
            let values = self.group()?;
            return match (word, values.as_slice()) {
                ("all", _) => Some(values.iter().all(|value| *value)),
                ("any", _) => Some(values.iter().any(|value| *value)),
                ("not", [value]) => Some(!value),
                _ => None,
            };
        }
        if self.take('=').is_some() {
            self.take('"')?;
            let (value, rest) = self.rest.split_once('"')?;
            self.rest = rest;
            return Some(self.is_set(&format!("{word}=\"{value}\"")));
        }
        match word {
            "true" => Some(true),
            "false" => Some(false),
            _ => Some(self.is_set(word)),
        }
    }

    fn is_set(&self, cfg: &str) -> bool {
        self.cfgs.lines().any(|line| line == cfg)
    }
}

#[cfg(test)]
mod tests {
    use super::is_about;

    #[test]
    fn names_are_about_the_platforms_that_cargo_takes_them_for() {
        let (host, cfgs) = ("x86_64-unknown-linux-gnu", "panic=\"unwind\"\ntarget_os=\"linux\"\nunix\n");
        for name in [
            host,
            "cfg(unix)",
            "cfg(target_os = \"linux\")",
            "cfg( all(unix, not(windows), any(windows, target_os=\"linux\",),) )",
            "cfg(all())",
            "cfg(not(any()))",
            "cfg(true)",
        ] {
            assert!(is_about(name, host, cfgs), "{name}");
        }
        for name in [
            "aarch64-apple-darwin",
            "cfg(windows)",
            "cfg(target_os = \"linu\")",
            "cfg(not(unix))",
            "cfg(false)",
            "cfg(any())",
            "cfg()",
            "cfg(unix",
            "cfg(unix) and more",
            "cfg(unix, windows)",
            "cfg(none(unix))",
            "cfg(target_os = linux)",
            "cfg",
            "",
        ] {
            assert!(!is_about(name, host, cfgs), "{name}");
        }
    }
}
