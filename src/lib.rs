//! envtool puts exactly the packages that a project pins into one folder of the project, `.envtool/`.
//!
//! The map of the code, from the edge down; a file imports only from floors below its own (`tests/tidy.rs` holds it):
//!
//! | floor | modules |
//! | --- | --- |
//! | edge | [`cli`], [`ui`] |
//! | verbs | [`commands`] |
//! | services | [`one_off`], [`packing`], [`adding`], [`doctor`], [`sync`], [`hook`], [`serve`] |
//! | doing | [`apply`], [`compile`] |
//! | deciding | [`graph`], [`resolve`], [`plan`], [`tool_plan`], [`fetch`], [`export`], [`stub`], [`sources`] |
//! | programs that the store remembers | [`uv`], above [`python`] |
//! | what the user trusts | [`trusted`] |
//! | holders | [`store`], [`environment`], [`cargo`], [`project`] |
//! | frame, unpacking | [`context`], [`archive`] |
//! | hands | [`fs`], [`http`], [`process`], [`signals`] |
//! | formats, pure | [`spec`], [`choose`], [`manifest`], [`lock`], [`cargo_lock`], [`cargo_manifest`], [`cargo_edit`], [`cargo_config`], [`cargo_include`], [`cargo_replacement`], [`executable`], [`receipt`], [`registry`], [`compile_log`], [`calls`], [`cargo_installed`], [`python_index`], [`uv_words`], [`serve_config`], [`pack_list`] |
//! | words, pure | [`package`], [`module`], [`near`], [`digest`], [`fault`], [`secret`], [`layout`], [`progress`], [`parallel`], [`toml_cut`], [`quote`] |

pub mod adding;
pub mod apply;
pub mod archive;
pub mod calls;
pub mod cargo;
pub mod cargo_config;
pub mod cargo_edit;
pub mod cargo_include;
pub mod cargo_installed;
pub mod cargo_lock;
pub mod cargo_manifest;
pub mod cargo_replacement;
pub mod choose;
pub mod cli;
pub mod commands;
pub mod compile;
pub mod compile_log;
pub mod context;
pub mod digest;
pub mod distribution;
pub mod doctor;
pub mod environment;
pub mod executable;
pub mod export;
pub mod fault;
pub mod fetch;
pub mod fs;
pub mod graph;
pub mod hook;
pub mod http;
pub mod layout;
pub mod lock;
pub mod manifest;
pub mod mirror;
pub mod module;
pub mod near;
pub mod one_off;
pub mod pack_list;
pub mod package;
pub mod packing;
pub mod parallel;
pub mod plan;
pub mod process;
pub mod progress;
pub mod project;
pub mod python;
pub mod python_imports;
pub mod python_index;
pub mod quote;
pub mod receipt;
pub mod registry;
pub mod resolve;
pub mod secret;
pub mod serve;
pub mod serve_config;
pub mod signals;
pub mod sources;
pub mod spec;
pub mod store;
pub mod stub;
pub mod sync;
pub mod toml_cut;
pub mod tool_plan;
pub mod trusted;
pub mod ui;
pub mod uv;
pub mod uv_words;
