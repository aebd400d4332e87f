//! envtool puts exactly the packages that a project pins into one folder of the project, `.envtool/`.

pub mod archive;
pub mod digest;
pub mod fault;
pub mod fs;
pub mod layout;
pub mod package;
pub mod parallel;
pub mod process;
pub mod progress;
