//! What an executable needs of the machine before its first instruction runs: its interpreter and its shared libraries
//! (System V ABI, "Program Interpreter" and "Shared Object Dependencies"; `execve(2)` for scripts).

use goblin::elf::Elf;

/// What an executable needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// The program that starts it: the loader, or what a script's first line names.
    pub interpreter: Option<String>,
    /// The names of shared libraries.
    pub libraries: Vec<String>,
    /// The folders that it says to look in first; `$ORIGIN` stands for its own.
    pub folders: Vec<String>,
}

/// Reads what an executable needs; `None` where it is of a kind that this module does not know.
pub fn needs(bytes: &[u8]) -> Option<Needs> {
    if let Some(rest) = bytes.strip_prefix(b"#!") {
        let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        if let Some((_, quoted)) = line.split_once("/env -S \"") {
            return Some(Needs { interpreter: Some(unquoted(quoted)), ..Needs::default() });
        }
        let mut words = line.split_whitespace();
        let first = words.next()?.to_owned();
        // `env` finds the interpreter by name, and a name is all that there is to look for.
        let named = first
            .ends_with("/env")
            .then(|| words.find(|word| !word.starts_with('-') && !word.contains('=')))
            .flatten();
        return Some(Needs { interpreter: Some(named.map_or(first, str::to_owned)), ..Needs::default() });
    }
    let elf = Elf::parse(bytes).ok()?;
    let folders = elf.runpaths.iter().chain(elf.rpaths.iter()).flat_map(|text| text.split(':'));
    Some(Needs {
        interpreter: elf.interpreter.map(str::to_owned),
        libraries: elf.libraries.iter().map(|name| (*name).to_owned()).collect(),
        folders: folders.filter(|folder| !folder.is_empty()).map(str::to_owned).collect(),
    })
}

/// The text to the next quote, as env reads it (GNU coreutils manual, "env -S").
fn unquoted(text: &str) -> String {
    let mut chars = text.chars();
    let mut out = String::new();
    while let Some(c) = chars.next().filter(|c| *c != '"') {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Needs, needs};

    #[test]
    fn a_script_names_its_interpreter() {
        let interpreter = |text: &str| needs(text.as_bytes()).and_then(|needs| needs.interpreter);
        assert_eq!(interpreter("#!/bin/sh -e\n").as_deref(), Some("/bin/sh"));
        assert_eq!(interpreter("#! /usr/bin/env -S A=b python3 -x\n").as_deref(), Some("python3"));
        let quoted = "#!/usr/bin/env -S \"/a \\\"\\$b\\\"/bin/python\" -u\n";
        assert_eq!(interpreter(quoted).as_deref(), Some("/a \"$b\"/bin/python"));
        assert_eq!(interpreter("#!/usr/bin/env\n").as_deref(), Some("/usr/bin/env"));
        assert_eq!(interpreter("#!\n"), None);
        assert_eq!(needs(b"plain text"), None);
        assert_eq!(needs(b"\x7fELF"), None);
    }

    #[test]
    fn a_program_names_its_loader_and_libraries() {
        let own = std::env::current_exe().unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test reads its own program")]
        let own = std::fs::read(own).unwrap();
        let Needs { interpreter, libraries, .. } = needs(&own).unwrap();
        assert!(interpreter.unwrap().contains("ld"));
        assert!(libraries.iter().any(|name| name.starts_with("libc.")), "{libraries:?}");
    }
}
