//! A mirror in place of crates.io and PyPI: who names it, what goes there and nowhere else, and what it is told.

use std::fs;

use crate::support::tools::tool;
use crate::support::{
    Dep, Project, Pypi, Registry, Sandbox, any_file_holds, saying, skipped, telling, uv_wheel_for_tests,
    wheel,
};

const MAIN: &str = "println!(\"{}\", alpha::id());";

/// Publishes the packages of the tests: to what stands for crates.io and PyPI, or to a mirror of both.
fn publish(pypi: &Pypi, crates: &Registry) {
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        crates.publish(&telling("alpha", version).dep(Dep::new("beta", "^1")));
    }
    crates.publish(&telling("beta", "1.0.0"));
    for version in ["1.0.0", "1.1.0"] {
        crates.publish(
            &tool("saw", version, &format!("\"saw {version} \".to_owned() + beta::id()"))
                .dep(Dep::new("beta", "^1")),
        );
    }
    for version in ["1.0", "2.0"] {
        pypi.publish(&saying("one", version).requires("two"));
        pypi.publish(
            &wheel("lint", version)
                .module("lint", "def main(): print('lint')")
                .entry_point("lint", "lint:main"),
        );
    }
    pypi.publish(&saying("two", "1.0"));
}

/// A mirror that has them.
fn mirror() -> Pypi {
    let mirror = Pypi::start();
    publish(&mirror, mirror.server());
    mirror
}

/// A project with a crate, tools and a module, and no lock.
fn ready<'a>(sandbox: &'a Sandbox, name: &str, env: &str) -> Project<'a> {
    let project = sandbox.project(name);
    project.app("alpha = \"1\"\n", MAIN);
    project.write(
        "envtool.toml",
        &format!(
            "[env]\n{env}\n[tools]\nsaw = \"1.0.0\"\n\"pypi:lint\" = \"1.0\"\n[modules]\none = \"1.0\"\n"
        ),
    );
    project
}

/// What stands for crates.io and PyPI was not asked since it was last looked at.
fn untouched(sandbox: &Sandbox) {
    let asked = [sandbox.registry().requests(), sandbox.pypi().server().requests()].concat();
    assert!(asked.is_empty(), "{asked:?}");
}

#[test]
fn all_comes_from_the_mirror_and_the_locks_are_what_they_are_without_it() {
    // Without a mirror.
    let plain = Sandbox::new();
    publish(&plain.pypi(), &plain.registry());
    let there = ready(&plain, "app", "");
    there.set_up();

    // The user's cargo and pip name registries that have nothing.
    let sandbox = Sandbox::new();
    drop(sandbox.pypi());
    let mirror = mirror();
    let project = ready(&sandbox, "app", "");
    let call = |args: &[&str]| project.envtool(args).env("ENVTOOL_MIRROR", mirror.server().url() + "/");
    call(&["init"]).ok();
    call(&["sync"]).ok();
    for lock in ["Cargo.lock", "envtool.lock"] {
        assert_eq!(project.read(lock), there.read(lock), "{lock}");
        assert!(!project.read(lock).contains("127.0.0.1"), "{lock}");
    }
    assert_eq!(project.run_isolated(), "alpha 1.1.0\n");
    let said = call(&["run", "--", "python", "-c", "import one, two; print(one.__name__)"]).ok();
    assert_eq!(said.stdout, "one\n");
    // It is no line of cargo's configuration that leads past the environment, and changes nothing there.
    let found = call(&["doctor"]).ok();
    assert!(!found.stdout.contains("bypassed"), "{found}");
    assert!(
        call(&["sync"]).ok().stderr.contains("nothing to do")
            && project.envtool(&["sync", "--frozen"]).run().code == Some(0)
    );

    // What asks for releases asks it too.
    let outdated = call(&["outdated"]).run();
    assert!(outdated.stdout.contains("2.0.0") && outdated.stdout.contains("2.0"), "{outdated}");
    call(&["add", "alpha@2", "pypi:one@2.0"]).ok();
    call(&["upgrade", "saw"]).ok();
    assert_eq!(call(&["run", "--", "saw"]).ok().stdout, "saw 1.1.0 beta 1.0.0\n");
    assert_eq!(project.run_isolated(), "alpha 2.0.0\n");
    assert_eq!(call(&["exec", "pypi:lint@2"]).ok().stdout, "lint\n");
    untouched(&sandbox);
    assert!(!mirror.server().asked("/pypi/simple/lint/").is_empty());
    assert!(!mirror.server().asked("/crates/index/al/ph/alpha").is_empty());
}

#[test]
fn the_variable_counts_more_than_the_manifest_and_that_more_than_the_users_settings() {
    let sandbox = Sandbox::new();
    drop(sandbox.pypi());
    let (own, other) = (mirror(), mirror());
    let project = ready(&sandbox, "app", &format!("mirror = \"{}\"", own.server().url()));
    let forget = || {
        own.server().forget();
        other.server().forget();
        for path in ["Cargo.lock", "envtool.lock"] {
            fs::remove_file(project.path(path)).unwrap_or_default();
        }
    };
    project.envtool(&["init"]).ok();
    // An empty variable is none.
    project.envtool(&["sync"]).env("ENVTOOL_MIRROR", "").ok();
    assert!(!own.server().requests().is_empty());
    forget();
    project.envtool(&["sync"]).env("ENVTOOL_MIRROR", other.server().url()).ok();
    assert!(own.server().requests().is_empty() && !other.server().requests().is_empty());
    untouched(&sandbox);
    // And no mirror at all.
    forget();
    publish(&sandbox.pypi(), &sandbox.registry());
    project.envtool(&["sync"]).env("ENVTOOL_MIRROR", "off").ok();
    assert!(own.server().requests().is_empty() && !sandbox.registry().requests().is_empty());

    // Where cargo knows the mirror under a name of its own, and pip of another index besides.
    forget();
    sandbox.registry().forget();
    let extra = Pypi::start();
    extra.publish(&saying("ours", "1.0"));
    sandbox.configure_pip(&format!(
        "[global]\nindex-url = {}\nextra-index-url = {}\n",
        sandbox.pypi().index(),
        extra.index()
    ));
    sandbox.configure_cargo(&format!(
        "[source.team]\nregistry = \"sparse+{}/crates/index/\"\n",
        own.server().url()
    ));
    project.envtool(&["add", "pypi:ours"]).ok();
    assert!(
        !own.server().asked("/crates/index/").is_empty() && !extra.server().asked("/simple/ours/").is_empty()
    );
    assert!(sandbox.registry().requests().is_empty());

    // A line of the project's own that leads past the environment is one with a mirror too.
    project.write(".cargo/config.toml", &format!(
        "{}\n[source.crates-io]\nreplace-with = \"x\"\n[source.x]\nregistry = \"sparse+http://127.0.0.1:1/\"\n",
        project.read(".cargo/config.toml")
    ));
    project.write("src/lib.rs", "").app("beta = \"1\"\n", MAIN);
    project.envtool(&["sync"]).refused(1).says(&["lead past the environment"]);
}

#[test]
fn a_token_goes_to_the_mirror_that_the_user_names_and_is_never_shown() {
    let sandbox = Sandbox::new();
    drop(sandbox.pypi());
    let mirror = mirror();
    mirror.server().require_token("s3cret");
    // "token:s3cret", as uv sends a password.
    mirror.server().require_token("Basic dG9rZW46czNjcmV0");
    let url = mirror.server().url();
    let project = ready(&sandbox, "app", "");
    let call = |args: &[&str]| project.envtool(args).env("ENVTOOL_MIRROR", &url);
    let with = |args: &[&str]| call(args).env("ENVTOOL_MIRROR_TOKEN", "s3cret");
    for args in [&["sync"][..], &["add", "beta"], &["add", "pypi:two"]] {
        let output = call(args).refused(1);
        output.says(&["ENVTOOL_MIRROR_TOKEN", &url]);
    }
    let wrong = call(&["sync"]).env("ENVTOOL_MIRROR_TOKEN", "wr0ng").refused(1);
    assert!(wrong.stderr.contains("ENVTOOL_MIRROR_TOKEN") && !wrong.stderr.contains("wr0ng"), "{wrong}");
    let output = with(&["sync", "-vv"]).ok();
    assert!(!format!("{output}").contains("s3cret"), "{output}");
    assert!(!any_file_holds(&sandbox, &sandbox.home(), "s3cret"));
    with(&["add", "alpha@2", "pypi:two"]).ok();
    with(&["upgrade", "saw"]).ok();
    untouched(&sandbox);

    // A project alone sends no token of the user's anywhere, and holds none.
    let theirs = ready(&sandbox, "theirs", &format!("mirror = \"{url}\""));
    mirror.server().forget();
    let help = format!("set ENVTOOL_MIRROR={url} and ENVTOOL_MIRROR_TOKEN");
    for args in [&["sync"][..], &["add", "beta"], &["add", "pypi:two"]] {
        theirs.envtool(args).env("ENVTOOL_MIRROR_TOKEN", "s3cret").refused(1).says(&[&help]);
    }
    assert!(mirror.server().requests().iter().all(|request| !request.headers.contains_key("authorization")));
    // The one that cargo keeps for this very address is the user's word too.
    let index = format!("sparse+{url}/crates/index/");
    sandbox.configure_cargo(&format!(
        "[registries.team]\nindex = {index:?}\ntoken = \"s3cret\"\ncredential-provider = [\"cargo:token\"]\n"
    ));
    theirs.write("envtool.toml", &format!("[env]\nmirror = \"{url}\"\n"));
    theirs.set_up();
    assert_eq!(theirs.run_isolated(), "alpha 1.1.0\n");
}

#[test]
fn a_mirror_that_is_down_is_named_with_who_named_it() {
    let sandbox = Sandbox::new();
    publish(&sandbox.pypi(), &sandbox.registry());
    sandbox.configure_cargo("[net]\nretry = 0\n");
    let mut mirror = mirror();
    let url = mirror.server().url();
    mirror.stop();
    let project = ready(&sandbox, "app", "");
    let theirs = ready(&sandbox, "theirs", &format!("mirror = \"{url}\""));
    for args in
        [&["sync"][..], &["add", "beta"], &["add", "pypi:two"], &["exec", "saw"], &["exec", "pypi:lint@2"]]
    {
        let hasty = |project: &Project<'_>| {
            let call = project.envtool(args).env("UV_HTTP_RETRIES", "0");
            if project.dir().ends_with("app") { call.env("ENVTOOL_MIRROR", &url) } else { call }.refused(1)
        };
        hasty(&project)
            .says(&[&format!("the mirror {url} runs and can be reached; or unset ENVTOOL_MIRROR")]);
        let place = theirs.path("envtool.toml").display().to_string();
        hasty(&theirs).says(&[&format!("correct `mirror` in [env] of {place}"), "ENVTOOL_MIRROR=off"]);
    }
    // With a tool from crates.io alone, and with all.
    let lone = sandbox.project("lone");
    lone.write("envtool.toml", "[tools]\nsaw = \"1.0.0\"\n");
    for project in [&project, &lone] {
        let output = project.envtool(&["outdated"]).env("ENVTOOL_MIRROR", &url);
        let output = output.env("UV_HTTP_RETRIES", "0").run();
        let failed: Vec<&str> = output.stderr.lines().filter(|line| line.contains(&url)).collect();
        assert!(output.code == Some(1) && !failed.is_empty(), "{output}");
        assert!(failed.iter().all(|line| line.contains("unset ENVTOOL_MIRROR")), "{output}");
    }
    assert!(sandbox.registry().requests().is_empty());
    // What is there needs nobody, and the store's crates are the same wherever they came from.
    theirs.write("envtool.toml", "[tools]\nsaw = \"1.0.0\"\n").envtool(&["sync"]).ok();
    theirs.write("envtool.toml", &format!("[env]\nmirror = \"{url}\"\n[tools]\nsaw = \"1.0.0\"\n"));
    theirs.envtool(&["sync", "--locked"]).ok();
    fs::remove_dir_all(theirs.path(".envtool")).unwrap();
    theirs.envtool(&["sync", "--locked"]).ok();
}

#[test]
fn what_is_no_address_is_refused_before_anything_is_asked() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox, "app", "");
    for bad in [
        "mirror",
        "file:///etc",
        "http://",
        "http://h.invalid/ x",
        "http://h.invalid/?q",
        "http://h.invalid/pypi/simple",
        "http://a\n.invalid",
    ] {
        project
            .envtool(&["sync"])
            .env("ENVTOOL_MIRROR", bad)
            .refused(2)
            .says(&["ENVTOOL_MIRROR", "envtool serve"]);
    }
    let secret =
        project.envtool(&["sync", "-vv"]).env("ENVTOOL_MIRROR", "http://me:s3cret@h.invalid").refused(2);
    assert!(secret.stderr.contains("ENVTOOL_MIRROR_TOKEN") && !secret.stderr.contains("s3cret"), "{secret}");
    let token = project.envtool(&["sync", "-vv"]).env("ENVTOOL_MIRROR", "http://h.invalid");
    let token = token.env("ENVTOOL_MIRROR_TOKEN", "Bearer s3cret").refused(2);
    assert!(!token.stderr.contains("s3cret"), "{token}");
    for bad in [
        "\"http://me:s3cret@h.invalid\"",
        "\"file:///etc\"",
        "\"\"",
        "7878",
        "[]",
        "\"http://h.invalid\\u001b[2J\"",
    ] {
        let project = ready(&sandbox, "bad", &format!("mirror = {bad}"));
        let output = project.envtool(&["sync"]).refused(1);
        output.says(&["envtool.toml", "line 2"]);
        assert!(!output.stderr.contains("s3cret"), "{output}");
    }
    assert!(sandbox.registry().requests().is_empty());
}

#[test]
fn what_a_project_had_from_its_mirror_is_not_what_others_run() {
    let sandbox = Sandbox::new();
    publish(&sandbox.pypi(), &sandbox.registry());
    let theirs = mirror();
    theirs.publish(
        &wheel("lint", "9.0").module("lint", "def main(): print('theirs')").entry_point("lint", "lint:main"),
    );
    let project = sandbox.project("app");
    project.write("envtool.toml", &format!("[env]\nmirror = \"{}\"\n", theirs.server().url()));
    let first = project.envtool(&["exec", "pypi:lint"]).ok();
    assert_eq!(first.stdout, "theirs\n");
    first.says(&[&format!("asking the mirror {}, which this project names", theirs.server().url())]);
    theirs.server().publish(&tool("saw", "1.1.0", "\"theirs\""));
    project.envtool(&["exec", "saw@1.0.0"]).ok();
    assert!(!theirs.server().asked("/dl/saw/").is_empty() && sandbox.registry().requests().is_empty());
    // Elsewhere PyPI is asked, and here the same runs again without asking anybody.
    let elsewhere = sandbox.outside("elsewhere");
    assert_eq!(project.envtool(&["exec", "pypi:lint"]).in_dir(&elsewhere).ok().stdout, "lint\n");
    theirs.server().forget();
    assert_eq!(project.envtool(&["exec", "pypi:lint"]).ok().stdout, "theirs\n");
    assert!(theirs.server().requests().is_empty());
}

#[test]
fn the_users_pip_brings_uv_from_the_mirror() {
    let sandbox = Sandbox::new();
    if sandbox.has_program("uv") {
        return skipped("there is a uv on PATH, so none is brought");
    }
    // What the user told pip has nothing, and no file of it is of any use.
    drop(sandbox.pypi());
    let mirror = mirror();
    mirror.server().require_token("Basic dG9rZW46czNjcmV0");
    let wheel = uv_wheel_for_tests();
    let name = wheel.file_name().unwrap().to_str().unwrap();
    mirror.server().serve(&format!("/files/{name}"), &[("application/zip", fs::read(&wheel).unwrap())]);
    let page = format!("<html><body><a href=\"/files/{name}\">{name}</a></body></html>");
    mirror.server().serve("/simple/uv/", &[("text/html", page.into_bytes())]);
    let project = sandbox.project("app");
    project.write("envtool.toml", "[modules]\none = \"1.0\"\n");
    let call = project.envtool(&["sync", "-vv"]).without("ENVTOOL_UV");
    let url = mirror.server().url();
    let output = call.env("ENVTOOL_MIRROR", &url).env("ENVTOOL_MIRROR_TOKEN", "s3cret").ok();
    assert!(output.stderr.contains("bringing uv") && !output.stderr.contains("s3cret"), "{output}");
    assert_eq!(mirror.server().asked(name).len(), 1);
    untouched(&sandbox);
}
