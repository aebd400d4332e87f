//! `env.toml`: what an environment is known by, as `pyvenv.cfg` is for a venv.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::fault::{Fault, Result};

/// The version of the environment's shape on disk.
const FORMAT: u32 = 1;

/// What an environment is known by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    format: u32,
    /// The version of envtool that made it.
    pub envtool: String,
    /// A random name, by which the store knows it wherever it is moved.
    pub id: String,
    /// When it was made, in seconds since 1970-01-01 UTC.
    pub created: u64,
    /// The platform it was made on, as `ARCH-OS`.
    pub platform: String,
    /// The version of cargo that it was last synced with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cargo: Option<String>,
    /// The Python that its modules are installed for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<PythonRecord>,
}

/// A Python, as an environment knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PythonRecord {
    /// Its version, as `3.11.7`.
    pub version: String,
    /// Where it lies on this machine.
    pub executable: PathBuf,
}

impl Record {
    /// A record for a new environment.
    pub fn new() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self {
            format: FORMAT,
            envtool: env!("CARGO_PKG_VERSION").to_owned(),
            id: random_id(),
            created: now.as_secs(),
            platform: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
            cargo: None,
            python: None,
        }
    }

    /// Whether it was made for this platform.
    pub fn is_of_this_platform(&self) -> bool {
        self.platform == Self::new().platform
    }

    /// Reads an env.toml. `name` is how errors name the file.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        let bad = |why: String| Fault::new(format!("could not read {name}")).why(why);
        let record: Self = toml::from_str(text).map_err(|error| {
            bad(error.to_string().trim_end().to_owned())
                .help("remove the folder .envtool and run `envtool sync`: it makes the environment anew")
        })?;
        if record.format != FORMAT {
            return Err(bad(format!(
                "the environment is of format {}, and this envtool reads {FORMAT}",
                record.format
            ))
            .help("install a newer envtool, or remove .envtool and run `envtool sync`"));
        }
        let plain = |c: char| c.is_ascii_hexdigit();
        if record.id.len() != 32 || !record.id.chars().all(plain) {
            return Err(bad("`id` is not 32 hexadecimal digits".to_owned())
                .help("remove the folder .envtool and run `envtool sync`: it makes the environment anew"));
        }
        Ok(record)
    }

    /// The text of the file.
    pub fn to_text(&self) -> Result<String> {
        toml::to_string(self).map_err(|error| Fault::bug("could not write env.toml").because(&error))
    }
}

impl Default for Record {
    fn default() -> Self {
        Self::new()
    }
}

/// 32 hexadecimal digits that no other environment has. The standard library's hash keys are random a process and
/// differ from call to call; time and process number are mixed in.
fn random_id() -> String {
    use std::hash::{BuildHasher, RandomState};
    let part =
        |salt: u64| RandomState::new().hash_one((salt, std::process::id(), std::time::SystemTime::now()));
    format!("{:016x}{:016x}", part(1), part(2))
}

#[cfg(test)]
mod tests {
    use super::Record;

    #[test]
    fn a_record_comes_back_as_it_was_written() {
        let record = Record::new();
        assert_eq!(Record::parse(&record.to_text().unwrap(), "env.toml").unwrap(), record);
        assert_ne!(Record::new().id, record.id);
    }

    #[test]
    fn a_record_that_cannot_be_ours_is_refused() {
        let text = Record::new().to_text().unwrap();
        for (from, to) in
            [("format = 1", "format = 2"), ("id = \"", "id = \"../../../"), ("format", "fromat")]
        {
            assert!(Record::parse(&text.replace(from, to), "env.toml").is_err(), "{to}");
        }
    }
}
