//! The variables of a shell, and what those were that an environment has taken over.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use super::{ACTIVE, Place};
use crate::context::Context;
use crate::environment::{path_inside, variables};

/// The exported variable in which a shell keeps what was before: `root=…&PATH=…&VIRTUAL_ENV=…`, with `%41` for what is
/// no letter and no digit; what was unset is left out.
pub const SAVED: &str = "ENVTOOL_HOOK";

/// Every variable that an environment may set or take away.
const NAMES: [&str; 5] = ["PATH", ACTIVE, "CARGO_INSTALL_ROOT", "VIRTUAL_ENV", "PYTHONHOME"];

/// The exported variables of a shell that count here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<&'static str, OsString>);

impl Variables {
    /// Those that we were started with.
    pub fn of(context: &Context<'_>) -> Self {
        let found = context.variables(|name| name == SAVED || NAMES.contains(&name));
        let known = NAMES.iter().chain([&SAVED]);
        Self(known.filter_map(|name| Some((*name, found.get(*name)?.clone()))).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(name).map(OsString::as_os_str)
    }

    fn set(&mut self, name: &'static str, value: Option<OsString>) {
        match value {
            Some(value) => drop(self.0.insert(name, value)),
            None => drop(self.0.remove(name)),
        }
    }

    pub(super) fn without(&self, name: &'static str) -> Self {
        let mut rest = self.clone();
        rest.set(name, None);
        rest
    }

    /// The same inside an environment.
    pub(super) fn inside(&self, place: &Place, cargo_home: Option<&Path>) -> Self {
        let mut inside = self.clone();
        let path = self.get("PATH").unwrap_or_default();
        for (name, value) in variables(&place.root, path, cargo_home, place.has_python) {
            inside.set(name, value);
        }
        inside
    }

    /// What leads from these to those: each name with its new value, `None` where it goes.
    pub(super) fn until(&self, next: &Self) -> Vec<(&'static str, Option<OsString>)> {
        let names = NAMES.into_iter().chain([SAVED]).filter(|name| self.get(name) != next.get(name));
        names.map(|name| (name, next.get(name).map(OsStr::to_owned))).collect()
    }
}

/// What the variables were before an environment was entered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Saved {
    /// The environment's folder.
    pub(super) root: PathBuf,
    has_python: bool,
    before: Variables,
}

impl Saved {
    pub(super) fn of(place: &Place, before: &Variables) -> Self {
        Self { root: place.root.clone(), has_python: place.has_python, before: before.clone() }
    }

    /// Whether this is what was saved when the place, as it is, was entered.
    pub(super) fn is_in(&self, place: &Place) -> bool {
        self.root == place.root && self.has_python == place.has_python
    }

    /// The variables inside, with the one that holds this.
    pub(super) fn keep_in(&self, mut inside: Variables) -> Variables {
        let mut text = format!("root={}", encoded(self.root.as_os_str()));
        if self.has_python {
            text.push_str("&python");
        }
        for name in NAMES {
            if let Some(value) = self.before.get(name) {
                text.push_str(&format!("&{name}={}", encoded(value)));
            }
        }
        inside.set(SAVED, Some(text.into()));
        inside
    }

    pub(super) fn parse(text: &OsStr) -> Option<Self> {
        let mut saved = Self { root: PathBuf::new(), has_python: false, before: Variables::default() };
        for field in text.to_str()?.split('&') {
            match field.split_once('=') {
                Some(("root", root)) => saved.root = decoded(root).into(),
                Some((name, value)) => {
                    let name = NAMES.into_iter().find(|known| *known == name)?;
                    saved.before.set(name, Some(decoded(value)));
                }
                None => saved.has_python |= field == "python",
            }
        }
        (!saved.root.as_os_str().is_empty()).then_some(saved)
    }

    /// The variables outside: what is still as the environment set it is what it was. What the user has changed
    /// meanwhile is theirs, and of a PATH that they changed only our own entries go.
    pub(super) fn restore(&self, now: &Variables, cargo_home: Option<&Path>) -> Variables {
        let place = Place { root: self.root.clone(), has_python: self.has_python, stamp: String::new() };
        let set = self.before.inside(&place, cargo_home);
        let mut outside = now.without(SAVED);
        for name in NAMES {
            if now.get(name) == set.get(name) {
                outside.set(name, self.before.get(name).map(OsStr::to_owned));
            } else if name == "PATH" {
                let path = now.get(name).map(|path| self.path_outside(path, cargo_home));
                outside.set(name, path);
            }
        }
        outside
    }

    /// A PATH that was changed inside, without what was put there on entering.
    fn path_outside(&self, path: &OsStr, cargo_home: Option<&Path>) -> OsString {
        let before: Vec<PathBuf> =
            self.before.get("PATH").map(std::env::split_paths).into_iter().flatten().collect();
        let set = path_inside(&self.root, self.before.get("PATH").unwrap_or_default(), cargo_home);
        let ours: Vec<PathBuf> =
            std::env::split_paths(&set).filter(|entry| !before.contains(entry)).collect();
        let theirs = std::env::split_paths(path).filter(|entry| !ours.contains(entry));
        std::env::join_paths(theirs).unwrap_or_else(|_| path.to_owned())
    }
}

pub(super) fn encoded(text: &OsStr) -> String {
    percent_encode(text.as_encoded_bytes(), NON_ALPHANUMERIC).to_string()
}

#[cfg(unix)]
pub(super) fn decoded(text: &str) -> OsString {
    use std::os::unix::ffi::OsStringExt;
    let bytes: Cow<'_, [u8]> = percent_decode_str(text).into();
    OsString::from_vec(bytes.into_owned())
}

#[cfg(not(unix))]
pub(super) fn decoded(text: &str) -> OsString {
    let text: Cow<'_, str> = percent_decode_str(text).decode_utf8_lossy();
    text.into_owned().into()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    use std::path::Path;

    use super::{SAVED, Saved, Variables};
    use crate::hook::Place;

    fn of(pairs: &[(&'static str, &str)]) -> Variables {
        Variables(pairs.iter().map(|(name, value)| (*name, OsString::from(value))).collect())
    }

    fn place(has_python: bool) -> Place {
        Place { root: "/p/.envtool".into(), has_python, stamp: String::new() }
    }

    const HOME: &str = "/h/.cargo";

    fn enter(before: &Variables, has_python: bool) -> Variables {
        let place = place(has_python);
        Saved::of(&place, before).keep_in(before.inside(&place, Some(Path::new(HOME))))
    }

    fn leave(now: &Variables) -> Variables {
        Saved::parse(now.get(SAVED).unwrap()).unwrap().restore(now, Some(Path::new(HOME)))
    }

    #[test]
    fn leaving_gives_back_what_was_there_to_the_byte() {
        let odd = OsString::from_vec(b"/a b:\xff:&=%41:\n:/a b:".to_vec());
        let mut strange = of(&[("VIRTUAL_ENV", ""), ("ENVTOOL_ENV", "")]);
        strange.set("PATH", Some(odd));
        for before in [
            of(&[]),
            of(&[("PATH", "")]),
            of(&[("PATH", "/bin:/h/.cargo/bin:/bin:"), ("PYTHONHOME", "/irs"), ("VIRTUAL_ENV", "/mine")]),
            of(&[("PATH", "/p/.envtool/bin:/bin"), ("CARGO_INSTALL_ROOT", "/elsewhere")]),
            strange,
        ] {
            for has_python in [true, false] {
                let inside = enter(&before, has_python);
                assert_ne!(inside.get("PATH"), before.get("PATH"));
                assert_eq!(
                    inside.get("VIRTUAL_ENV").is_some_and(|at| at == "/p/.envtool/python"),
                    has_python
                );
                assert_eq!(leave(&inside), before);
            }
        }
    }

    #[test]
    fn what_the_user_changed_meanwhile_stays() {
        let before = of(&[("PATH", "/bin:/usr/bin"), ("VIRTUAL_ENV", "/mine")]);
        let mut inside = enter(&before, true);
        assert_eq!(inside.get("PATH").unwrap(), "/p/.envtool/bin:/bin:/usr/bin:/h/.cargo/bin");
        inside.set("PATH", Some("/new:/p/.envtool/bin:/bin:/usr/bin:/h/.cargo/bin:/last".into()));
        inside.set("VIRTUAL_ENV", Some("/another".into()));
        inside.set("PYTHONHOME", Some("/set".into()));
        let wanted =
            of(&[("PATH", "/new:/bin:/usr/bin:/last"), ("VIRTUAL_ENV", "/another"), ("PYTHONHOME", "/set")]);
        assert_eq!(leave(&inside), wanted);
        // What is ours and was the user's before is the user's.
        let mut inside = enter(&of(&[("PATH", "/h/.cargo/bin")]), false);
        inside.set("PATH", Some("/new:/p/.envtool/bin:/h/.cargo/bin".into()));
        assert_eq!(leave(&inside).get("PATH").unwrap(), "/new:/h/.cargo/bin");
        inside.set("PATH", None);
        assert_eq!(leave(&inside).get("PATH"), None);
    }

    #[test]
    fn what_is_not_ours_is_not_read() {
        for text in ["", "PATH=a", "root=", "root=a&LD_PRELOAD=b", "python"] {
            assert_eq!(Saved::parse(text.as_ref()), None, "{text}");
        }
    }
}
