//! Where PyPI lies, as the pip or uv of this machine knows it: no address of a registry is written in our code.

use std::ffi::OsStr;
use std::path::Path;

use crate::context::Context;
use crate::fault::{Fault, Result};
use crate::layout::ENVIRONMENT;
use crate::process::{self, Program};
use crate::python_index::Address;

/// What pip itself goes by where it was told nothing.
const QUESTION: &str = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)";

/// The index that the installed pip asks, or else the installed uv, where they were told nothing.
pub fn known_index(context: &Context<'_>) -> Result<Address> {
    let ways: [(&str, &[&str]); 3] = [
        ("python3", &["-I", "-c", QUESTION]),
        ("python", &["-I", "-c", QUESTION]),
        ("uv", &["help", "pip", "install"]),
    ];
    let ours = |path: &Path| path.components().any(|part| part.as_os_str() == ENVIRONMENT);
    for (name, words) in ways {
        for path in process::find_all(OsStr::new(name), &context.path, &context.current) {
            if ours(&path) {
                continue;
            }
            let Ok(output) = Program::new(&path).args(words.iter().copied()).output() else { continue };
            if let Some(url) = address_in(&String::from_utf8_lossy(&output.stdout)) {
                tracing::debug!(?path, url, "knows where PyPI lies");
                return Ok(Address::new(url));
            }
        }
    }
    Err(Fault::new("could not find out where PyPI lies")
        .why("it is not configured, and there is neither a pip nor a uv that knows")
        .help("name it in the mirror's configuration: `index = \"https://…/simple/\"` in [pypi]; or install pip or uv"))
}

/// The first address of a Simple API in a text: uv names it beside `--default-index`.
fn address_in(text: &str) -> Option<&str> {
    let is_end = |c: char| c.is_whitespace() || "\"'`<>()[]".contains(c);
    let mut words = text.split(is_end).map(|word| word.trim_end_matches(['.', ',', ';']));
    words.find(|word| word.starts_with("https://") && word.trim_end_matches('/').ends_with("/simple"))
}

#[cfg(test)]
mod tests {
    use super::address_in;

    #[test]
    fn the_address_is_found_in_what_pip_and_uv_print() {
        for text in [
            "https://pypi.invalid/simple\n",
            "      --default-index <URL>\n  The URL of the default index (by default: <https://pypi.invalid/simple>).\n",
        ] {
            assert_eq!(address_in(text), Some("https://pypi.invalid/simple"), "{text}");
        }
        for text in
            ["", "https://docs.invalid/x", "Traceback (most recent call last)", "http://plain.invalid/simple"]
        {
            assert_eq!(address_in(text), None, "{text}");
        }
    }
}
