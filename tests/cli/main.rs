//! The verbs, each as a user meets it: the built program in a sandbox with a registry of its own. No test here leaves
//! the machine. `support/` is what they stand on, `harness.rs` shows that it holds, the other files are one a verb or
//! a theme.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test may fail loudly, and prepares its files and programs without envtool's own doors"
)]
#![cfg(unix)]

mod action;
mod activate;
mod activate_shells;
mod add;
mod cache;
#[path = "../code/mod.rs"]
mod code;
mod completions;
mod concurrency;
mod docker;
mod docs;
mod doctor;
mod doctor_adopt;
mod doctor_lock;
mod doctor_machine;
mod doctor_modified;
mod doctor_moved;
mod doctor_store;
mod doctor_strangers;
mod doctor_terminal;
mod errors;
mod exec;
mod faults;
mod harness;
mod hook;
mod init;
mod list;
mod mirror;
mod outdated;
mod pack;
mod pack_hostile;
mod pictures;
mod python;
mod python_doctor;
mod python_global;
mod python_story;
mod python_uv;
mod remove;
mod run;
mod says;
mod serve;
mod serve_faults;
mod serve_guards;
mod shell;
mod sources;
mod support;
mod sync;
mod tools;
mod tools_faults;
mod tools_keys;
mod tree;
mod upgrade;
mod which;
