//! What cargo keeps on the machine, read as cargo reads it: its configuration files, its credentials, its cache of archives,
//! its records of what it installed.

pub mod cache;
pub mod config;
pub mod credentials;
pub mod entry;
pub mod installed;
pub mod program;
