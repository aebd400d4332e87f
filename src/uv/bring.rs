//! Bringing uv: its wheel, by the user's own pip, which knows their index, proxy and certificates.
//!
//! What pip brings is used only if its SHA-256 is the one that is written in [`super::wheels`]; so it does not matter
//! where it came from. It lies in the store from then on.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::wheels;
use crate::context::Context;
use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::ENVIRONMENT;
use crate::mirror::Mirror;
use crate::process::{self, Program};
use crate::secret::without_credentials;
use crate::store::{Store, StoreLock};

/// What to do where uv cannot be had.
const HELP: &str =
    "install uv (`pip install uv`, `pipx install uv` or your system's package), or name one with ENVTOOL_UV";

/// The most that the executable may unpack to.
const LARGEST: u64 = 512 << 20;

/// The uv of the store, brought there if it is absent.
pub(super) fn brought(
    context: &Context,
    store: &Store,
    lock: &StoreLock,
    mirror: Option<&Mirror>,
) -> Result<PathBuf> {
    let version = wheels::VERSION.to_string();
    for digest in wheels::here() {
        let path = store.layout().uv(&version, &parse(digest)?);
        if fs::is_file(&path)? {
            return Ok(path);
        }
    }
    if context.flags.offline {
        return Err(Fault::new("could not find uv, by which Python packages are installed")
            .why("it is neither on PATH in a version that was tried nor in the store, and the network is not to be used")
            .help("run it once without `--offline`, or install uv, or name one with ENVTOOL_UV"));
    }
    let scratch = store.scratch(lock)?;
    context.progress.note(&format!("bringing uv {version} with pip"));
    let wheel = download(context, scratch.path(), mirror)?;
    take_in(store, scratch.path(), &wheel)
}

fn parse(digest: &str) -> Result<Digest> {
    digest.parse().map_err(|error| Fault::bug("could not read the digest of a wheel of uv").because(&error))
}

/// Every way to start a pip on PATH, outside environments of ours.
fn pips(context: &Context) -> Vec<(PathBuf, &'static [&'static str])> {
    let ways: [(&str, &[&str]); 4] =
        [("python3", &["-m", "pip"]), ("python", &["-m", "pip"]), ("pip3", &[]), ("pip", &[])];
    let ours = |path: &Path| path.components().any(|part| part.as_os_str() == ENVIRONMENT);
    let all = |name: &str| process::find_all(OsStr::new(name), &context.path, &context.current);
    ways.into_iter()
        .flat_map(|(name, words)| all(name).into_iter().map(move |path| (path, words)))
        .filter(|(path, _)| !ours(path))
        .collect()
}

/// Has pip download the wheel to `folder`.
fn download(context: &Context, folder: &Path, mirror: Option<&Mirror>) -> Result<PathBuf> {
    let (to, empty) = (folder.join("wheel"), folder.join("empty"));
    fs::create_folders(&to)?;
    fs::create_folders(&empty)?;
    let asked = format!("uv=={}", wheels::VERSION);
    let mut said: Option<(PathBuf, String)> = None;
    for (pip, words) in pips(context) {
        let call = Program::new(&pip)
            .args(words.iter().copied())
            .args(["download", &asked, "--no-deps", "--only-binary", ":all:", "--quiet", "--dest"])
            .arg(&to)
            // These would have it ask, or refuse what is checked here.
            .set("PIP_NO_INPUT", "1")
            .set("PIP_DISABLE_PIP_VERSION_CHECK", "1")
            .set("PIP_REQUIRE_VIRTUALENV", "0")
            .set("PIP_REQUIRE_HASHES", "0");
        let call = mirror.into_iter().fold(call, asking).within(&empty);
        let output = match call.output() {
            Ok(output) => output,
            Err(fault) => {
                crate::signals::check()?;
                said.get_or_insert((pip, fault.to_string()));
                continue;
            }
        };
        let wheel = fs::names(&to)?.unwrap_or_default().into_iter().next();
        if let (true, Some(wheel)) = (output.status.success(), wheel) {
            return Ok(to.join(wheel));
        }
        let text = String::from_utf8_lossy(&output.stderr);
        if text.contains("No module named pip") || text.contains("command not found") {
            continue;
        }
        let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("ERROR")).collect();
        let text = if errors.is_empty() { text.trim().to_owned() } else { errors.join("; ") };
        // The first one that is a pip is the one that the user means.
        let why = without_credentials(&format!("{} download {asked}: {text}", pip.display()));
        return Err(match mirror {
            None => failed().why(why).help(HELP),
            Some(mirror) => failed().why(why).why(format!("asked was the mirror {mirror:?}")).help(format!(
                "see that the mirror runs, can be reached and has a PyPI behind it; or {HELP}"
            )),
        });
    }
    let fault = failed().why(match said {
        Some((pip, why)) => format!("{}: {why}", pip.display()),
        None => "neither uv nor pip is on PATH".to_owned(),
    });
    Err(fault.help(HELP))
}

/// Has pip ask a mirror. It refuses one that nothing encrypts; what it brings is checked here.
fn asking(call: Program, mirror: &Mirror) -> Program {
    let url = mirror.url();
    let call = match url.plain_host() {
        Some(host) => call.set("PIP_TRUSTED_HOST", host),
        None => call,
    };
    call.set("PIP_INDEX_URL", mirror.simple_with_token())
}

fn failed() -> Fault {
    Fault::new(format!("could not bring uv {}, by which Python packages are installed", wheels::VERSION))
}

/// The digests of the wheels that may run here.
pub fn digests_here() -> Result<Vec<Digest>> {
    wheels::here().map(parse).collect()
}

/// Whether a file of this name with this digest is one of the wheels that are written down here.
pub fn is_of_uv(name: &str, digest: &Digest) -> bool {
    wheels::all().any(|(known, sha256)| known == name && sha256 == digest.to_string())
}

/// Checks the wheel, and takes the executable in it into the store. `scratch` is an empty folder of the store.
pub fn take_in(store: &Store, scratch: &Path, wheel: &Path) -> Result<PathBuf> {
    let name = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let bytes = fs::read(wheel)?.unwrap_or_default();
    let digest = Digest::of(&bytes);
    let Some((_, known)) = wheels::all().find(|(known, _)| *known == name) else {
        return Err(failed()
            .why(format!("pip brought {}, of which no digest is known", name.escape_debug()))
            .help(HELP));
    };
    if parse(known)? != digest {
        return Err(failed()
            .why(format!("{name} is not the one that was tried: its SHA-256 is {digest}, and should be {known}"))
            .help("find out what your index gave in its place before you trust it; or name a uv with ENVTOOL_UV"));
    }
    let executable = executable(&bytes, &name)?;
    let path = store.layout().uv(&wheels::VERSION.to_string(), &digest);
    let (folder, aside) = (path.parent().unwrap_or(&path), scratch.join("uv"));
    fs::create_folders(&aside)?;
    let file = aside.join(path.file_name().unwrap_or_default());
    fs::write_new(&file, &executable)?;
    fs::set_mode(&file, 0o555)?;
    fs::create_folders(folder.parent().unwrap_or(folder))?;
    if !fs::rename_unless_there(&aside, folder)? && !fs::is_file(&path)? {
        return Err(failed().why(format!("{} lacks it", folder.display())).help("remove that folder"));
    }
    Ok(path)
}

/// The executable in a wheel.
fn executable(wheel: &[u8], name: &str) -> Result<Vec<u8>> {
    let broken = |why: String| {
        Fault::new(format!("could not read {name}"))
            .why(why)
            .help("run it again; where that does not help, install uv yourself, or name one with ENVTOOL_UV")
    };
    let mut archive =
        zip::ZipArchive::new(std::io::Cursor::new(wheel)).map_err(|error| broken(error.to_string()))?;
    let ending = if cfg!(windows) { ".data/scripts/uv.exe" } else { ".data/scripts/uv" };
    let inside = archive.file_names().flatten().find(|inside| inside.ends_with(ending)).map(String::from);
    let inside = inside.ok_or_else(|| broken(format!("there is no {ending} in it")))?;
    let file = archive.by_name(&inside).map_err(|error| broken(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).map_err(|error| broken(error.to_string()))?;
    Ok(bytes)
}
