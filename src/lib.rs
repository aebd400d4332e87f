//! envtool puts exactly the packages that a project pins into one folder of the project.
pub mod digest;
pub mod fault;
pub mod fs;
pub mod package;
pub mod progress;
