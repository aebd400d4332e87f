//! What the tests of the verbs stand on: a sandbox, a registry, crates, git repositories, and a look at files.

pub(crate) mod crates;
pub(crate) mod doctor;
pub(crate) mod files;
pub(crate) mod git;
pub(crate) mod mirror;
pub(crate) mod packs;
pub(crate) mod pypi;
pub(crate) mod registry;
pub(crate) mod sandbox;
pub(crate) mod shells;
pub(crate) mod terminal;
pub(crate) mod tools;
pub(crate) mod wheels;

pub(crate) use crates::{Dep, krate, telling};
pub(crate) use files::{fingerprint, tree};
pub(crate) use git::GitRepo;
pub(crate) use mirror::Mirror;
pub(crate) use pypi::{Pypi, uv_for_tests, uv_wheel_for_tests};
pub(crate) use registry::{Fault, Gate, Registry};
pub(crate) use sandbox::{Call, Project, Sandbox, any_file_holds, skipped, write};
pub(crate) use terminal::Terminal;
pub(crate) use wheels::{saying, wheel};
