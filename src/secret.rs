//! What must not be read by whoever looks over a shoulder or into the log of a CI service: passwords in addresses, and
//! tokens in arguments.
//!
//! Programs and texts of others are shown as they are but for these. A token that nothing announces cannot be told
//! from any other word, and stays.

/// What a word ends with whose value is a secret, in small letters: of a variable, a setting or a flag.
const SECRET: [&str; 8] =
    ["token", "password", "passwd", "secret", "authorization", "api-key", "api_key", "apikey"];

/// In place of a secret.
const HIDDEN: &str = "***";

/// A text without the passwords of addresses in it, and without the values of what is named like a secret
/// (`token=…`, `password: …`).
pub fn without_secrets(text: &str) -> String {
    without_values(&without_credentials(text))
}

/// Arguments of a program, each without its secrets; what stands behind `--token` and its like is one as a whole.
pub fn arguments_without_secrets<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut follows = false;
    let hide = |argument: &'a str| {
        let is_secret = std::mem::replace(&mut follows, argument.starts_with('-') && is_secret(argument));
        if is_secret { HIDDEN.to_owned() } else { without_secrets(argument) }
    };
    arguments.into_iter().map(hide).collect()
}

/// A text without user and password in the addresses that it holds.
pub fn without_credentials(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        out.push_str(&rest[..at + 3]);
        rest = &rest[at + 3..];
        let end = rest.find(|c: char| c.is_whitespace() || "/?#`'\"()".contains(c)).unwrap_or(rest.len());
        if let Some(credentials) = rest[..end].rfind('@') {
            out.push_str(HIDDEN);
            rest = &rest[credentials..];
        }
    }
    out + rest
}

fn without_values(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['=', ':']) {
        let (name, after) = (&rest[..at], &rest[at + 1..]);
        out.push_str(&rest[..=at]);
        rest = after;
        if !is_secret(name.trim_end_matches(['"', '\'', ' '])) || after.starts_with("//") {
            continue;
        }
        let value = after.trim_start_matches([' ', '"', '\'']);
        let end = match after[..after.len() - value.len()].chars().next_back() {
            Some(quote @ ('"' | '\'')) => value.find(quote),
            // `Authorization: Bearer abc` is two words.
            _ => value.find(['&', ',', ';', '\n']),
        };
        if !value.is_empty() {
            out.push_str(&after[..after.len() - value.len()]);
            out.push_str(HIDDEN);
            rest = &value[end.unwrap_or(value.len())..];
        }
    }
    out + rest
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET.iter().any(|word| name.ends_with(word))
}

#[cfg(test)]
mod tests {
    use super::{arguments_without_secrets, without_secrets};

    #[test]
    fn secrets_are_hidden_and_nothing_else_is() {
        for (text, shown) in [
            ("https://me:pa55@example.invalid/a@b", "https://***@example.invalid/a@b"),
            ("two http://a@b/ and ftp://c:d@e", "two http://***@b/ and ftp://***@e"),
            ("--config=registries.a.token=\"abc\"", "--config=registries.a.token=\"***\""),
            ("registries.a.token = 'a b' # x", "registries.a.token = '***' # x"),
            ("http://h/x?token=abc&y=1", "http://h/x?token=***&y=1"),
            ("CARGO_REGISTRY_TOKEN=abc", "CARGO_REGISTRY_TOKEN=***"),
            ("Authorization: Bearer abc", "Authorization: ***"),
            ("build.rustc=\"rustc\"", "build.rustc=\"rustc\""),
            ("token", "token"),
            ("token=", "token="),
            ("a: b = c", "a: b = c"),
            ("ä=ö://ü@ß", "ä=ö://***@ß"),
        ] {
            assert_eq!(without_secrets(text), shown, "{text}");
        }
        let arguments = ["login", "--token", "abc", "--Password", "x", "token", "y", "--api-key=z"];
        assert_eq!(
            arguments_without_secrets(arguments),
            ["login", "--token", "***", "--Password", "***", "token", "y", "--api-key=***"]
        );
    }
}
