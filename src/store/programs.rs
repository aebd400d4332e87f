//! What programs said of themselves: asked once, and remembered while the file is the same.

use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Store;
use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::fs;

impl Store {
    /// What the program at `path` said when it was asked `question`, if the file is still the one that was asked.
    pub fn program_said<T: DeserializeOwned>(&self, question: &str, path: &Path) -> Result<Option<T>> {
        let Some(key) = key(question, path)? else { return Ok(None) };
        let known = fs::read(&self.layout.known_program(&key))?;
        Ok(known.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Remembers what a program said. One that is a script is asked each time: what it starts may be another tomorrow
    /// (a shim of pyenv's goes by the folder that it is called in).
    pub fn remember_program<T: Serialize>(&self, question: &str, path: &Path, answer: &T) -> Result<()> {
        let Some(key) = key(question, path)? else { return Ok(()) };
        if is_script(path)? {
            return Ok(());
        }
        let text = serde_json::to_vec(answer)
            .map_err(|error| Fault::bug("could not note what a program said").because(&error))?;
        let file = self.layout.known_program(&key);
        fs::create_folders(file.parent().unwrap_or(&file))?;
        fs::write(&file, &text)
    }
}

/// A digest of the question, the path and what changes when its file does; `None` where it is absent.
fn key(question: &str, path: &Path) -> Result<Option<Digest>> {
    let Some(found) = fs::metadata(path)? else { return Ok(None) };
    let time = found.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let mut bytes = path.as_os_str().as_encoded_bytes().to_vec();
    let version = env!("CARGO_PKG_VERSION");
    let (length, mode) = (found.len(), fs::mode(&found));
    bytes.extend(format!("\0{question}\0{version}\0{length}\0{mode:o}\0{time:?}").into_bytes());
    Ok(Some(Digest::of(&bytes)))
}

fn is_script(path: &Path) -> Result<bool> {
    use std::io::Read;
    let mut start = [0; 2];
    let read = fs::open(path)?.map(|mut file| file.read_exact(&mut start));
    Ok(matches!(read, Some(Ok(()))) && start == *b"#!")
}

#[cfg(test)]
mod tests {
    use super::Store;
    use crate::fs;

    #[test]
    fn an_answer_counts_while_the_file_is_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(&dir.path().join("store"));
        let program = dir.path().join("program");
        let said = |question: &str| store.program_said::<String>(question, &program).unwrap();
        assert_eq!(said("who"), None);
        store.remember_program("who", &program, &"nobody").unwrap();
        fs::write(&program, b"one").unwrap();
        store.remember_program("who", &program, &"me").unwrap();
        assert_eq!((said("who").as_deref(), said("what")), (Some("me"), None));
        fs::write(&program, b"other").unwrap();
        assert_eq!(said("who"), None, "it is another file");
        fs::write(&program, b"#!/bin/sh\n").unwrap();
        store.remember_program("who", &program, &"me").unwrap();
        assert_eq!(said("who"), None, "a script is asked each time");
    }
}
