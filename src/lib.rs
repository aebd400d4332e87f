//! envtool puts exactly the packages that a project pins into one folder of the project, `.envtool/`.

pub mod archive;
pub mod cargo_config;
pub mod cargo_include;
pub mod cargo_lock;
pub mod cargo_manifest;
pub mod cargo_replacement;
pub mod digest;
pub mod fault;
pub mod fs;
pub mod http;
pub mod layout;
pub mod lock;
pub mod manifest;
pub mod package;
pub mod parallel;
pub mod process;
pub mod progress;
pub mod receipt;
pub mod registry;
