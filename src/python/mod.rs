//! What there is of Python: the interpreters of the machine, in the folders where distributions are installed, in a
//! project, in a venv of an environment.

pub mod installed;
mod interpreter;
pub mod machine;
pub mod own;
pub mod site;

pub use interpreter::{Interpreter, OLDEST, Version};
