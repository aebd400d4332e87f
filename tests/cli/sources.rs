//! Where crates come from, one test each: workspaces, versions, paths, git, patches, registries, mirrors, and what
//! stands in cargo's configuration already.

use std::fs;

use crate::support::{Dep, GitRepo, Project, Registry, Sandbox, any_file_holds, krate, telling};

#[test]
fn a_workspace_has_one_environment_for_all_its_members() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    sandbox.registry().publish(&telling("beta", "1.0.0"));
    let root = sandbox.project("ws");
    root.write(
        "Cargo.toml",
        "[workspace]\nmembers = [\"one\", \"deep/two\"]\nresolver = \"2\"\n\n[workspace.dependencies]\nbeta = \"1\"\n",
    );
    let one = sandbox.project("ws/one");
    one.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());");
    let two = sandbox.project("ws/deep/two");
    two.write(
        "Cargo.toml",
        "[package]\nname = \"two\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\nbeta.workspace = true\napp = { path = \"../../one\", optional = true }\n",
    )
    .write("src/main.rs", "fn main() { println!(\"{}\", beta::id()); }\n");
    root.lock();
    // From a member: the environment is the workspace's.
    two.envtool(&["init"]).ok();
    two.envtool(&["sync"]).ok();
    assert!(root.has(".envtool/vendor/alpha-1.0.0") && root.has(".envtool/vendor/beta-1.0.0"));
    sandbox.cut_network();
    assert_eq!(one.run_isolated(), "alpha 1.0.0\n");
    assert_eq!(two.run_isolated(), "beta 1.0.0\n");
}

#[test]
fn several_versions_of_one_crate_lie_side_by_side() {
    let sandbox = Sandbox::new();
    for version in ["0.9.0", "1.0.0", "2.0.0-rc.1+build.5"] {
        sandbox.registry().publish(&telling("alpha", version));
    }
    sandbox.registry().publish(
        &krate("user", "1.0.0")
            .lib("pub fn id() -> String { format!(\"user of {}\", old::id()) }")
            .dep(Dep::new("old", "^0.9").package("alpha")),
    );
    let project = sandbox.project("app");
    project
        .app(
            "alpha = \"1\"\nnext = { package = \"alpha\", version = \"=2.0.0-rc.1\" }\nuser = \"1\"\n",
            "println!(\"{}, {}, {}\", alpha::id(), next::id(), user::id());",
        )
        .lock();
    project.set_up();
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), "alpha 1.0.0, alpha 2.0.0-rc.1+build.5, user of alpha 0.9.0\n");
}

#[test]
fn path_dependencies_stay_where_they_are_and_what_they_need_is_installed() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    let sibling = sandbox.project("sibling");
    sibling
        .write(
            "Cargo.toml",
            "[package]\nname = \"sibling\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\nalpha = \"1\"\n",
        )
        .write("src/lib.rs", "pub fn id() -> String { format!(\"sibling of {}\", alpha::id()) }\n");
    let project = sandbox.project("app");
    project.app("sibling = { path = \"../sibling\" }\n", "println!(\"{}\", sibling::id());").lock();
    let before = sibling.fingerprint();
    project.set_up();
    assert_eq!(sibling.fingerprint(), before);
    assert!(!project.has(".envtool/vendor/sibling-0.1.0"));
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), "sibling of alpha 1.0.0\n");
}

/// A locked project with one git dependency `tools`, its key beside `git` given as `reference`, set up.
fn git_project<'a>(sandbox: &'a Sandbox, repo: &GitRepo, reference: &str) -> Project<'a> {
    let project = sandbox.project("app");
    project
        .app(&format!("tools = {{ git = {:?}{reference} }}\n", repo.url()), "println!(\"{}\", tools::id());")
        .lock();
    project.set_up();
    project
}

/// Takes away whatever a git crate could be read from but the environment.
fn forget_git(sandbox: &Sandbox, repo: &GitRepo) {
    fs::rename(repo.dir(), sandbox.home().join("git-is-gone")).unwrap();
    fs::remove_dir_all(sandbox.home().join(".cargo/git"))
        .or_else(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(e),
        })
        .unwrap();
    sandbox.cut_network();
}

#[test]
fn a_git_dependency_on_the_default_branch() {
    let sandbox = Sandbox::new();
    let repo = GitRepo::new(&sandbox, "tools");
    repo.telling("", "tools", "the default branch").commit("first");
    let project = git_project(&sandbox, &repo, "");
    forget_git(&sandbox, &repo);
    assert_eq!(project.run_isolated(), "the default branch\n");
}

#[test]
fn a_git_dependency_on_a_branch_whose_name_is_encoded_in_the_lock() {
    let sandbox = Sandbox::new();
    let repo = GitRepo::new(&sandbox, "tools");
    repo.telling("", "tools", "main").commit("first");
    repo.branch("feat/x+y").telling("", "tools", "feat/x+y").commit("second");
    repo.checkout("main");
    let project = git_project(&sandbox, &repo, ", branch = \"feat/x+y\"");
    assert!(project.read("Cargo.lock").contains("feat%2Fx%2By"));
    forget_git(&sandbox, &repo);
    assert_eq!(project.run_isolated(), "feat/x+y\n");
}

#[test]
fn a_git_dependency_on_a_tag() {
    let sandbox = Sandbox::new();
    let repo = GitRepo::new(&sandbox, "tools");
    repo.telling("", "tools", "v1").commit("first");
    repo.tag("v1.0+a").telling("", "tools", "later").commit("second");
    let project = git_project(&sandbox, &repo, ", tag = \"v1.0+a\"");
    forget_git(&sandbox, &repo);
    assert_eq!(project.run_isolated(), "v1\n");
}

#[test]
fn a_git_dependency_on_a_revision() {
    let sandbox = Sandbox::new();
    let repo = GitRepo::new(&sandbox, "tools");
    let commit = repo.telling("", "tools", "that very commit").commit("first");
    repo.telling("", "tools", "later").commit("second");
    let project = git_project(&sandbox, &repo, &format!(", rev = {:?}", &commit[..10]));
    forget_git(&sandbox, &repo);
    assert_eq!(project.run_isolated(), "that very commit\n");
}

#[test]
fn the_locked_commit_counts_and_not_where_the_branch_stands_now() {
    let sandbox = Sandbox::new();
    let repo = GitRepo::new(&sandbox, "tools");
    repo.telling("", "tools", "locked").commit("first");
    let project = sandbox.project("app");
    project
        .app(
            &format!("tools = {{ git = {:?}, branch = \"main\" }}\n", repo.url()),
            "println!(\"{}\", tools::id());",
        )
        .lock();
    repo.telling("", "tools", "newer").commit("second");
    fs::remove_dir_all(sandbox.home().join(".cargo/git")).unwrap();
    let lock = project.read("Cargo.lock");
    project.set_up();
    assert_eq!(project.read("Cargo.lock"), lock);
    forget_git(&sandbox, &repo);
    assert_eq!(project.run_isolated(), "locked\n");
}

#[test]
fn a_git_workspace_with_inherited_fields_gives_its_members() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    let repo = GitRepo::new(&sandbox, "tools");
    repo.write(
        "Cargo.toml",
        "[workspace]\nmembers = [\"crates/*\"]\nresolver = \"2\"\n\n[workspace.package]\nversion = \"3.2.1\"\nedition = \"2021\"\n\n[workspace.dependencies]\nalpha = \"1\"\nhelper = { path = \"crates/helper\" }\n\n[workspace.lints.rust]\nunsafe_code = \"forbid\"\n",
    )
    .write(
        "crates/tools/Cargo.toml",
        "[package]\nname = \"tools\"\nversion.workspace = true\nedition.workspace = true\n\n[dependencies]\nalpha.workspace = true\nhelper.workspace = true\n\n[lints]\nworkspace = true\n",
    )
    .write(
        "crates/tools/src/lib.rs",
        "pub fn id() -> String { format!(\"{} with {} and {}\", env!(\"CARGO_PKG_VERSION\"), alpha::id(), helper::id()) }\n",
    )
    .write(
        "crates/helper/Cargo.toml",
        "[package]\nname = \"helper\"\nversion.workspace = true\nedition.workspace = true\n",
    )
    .write("crates/helper/src/lib.rs", "pub fn id() -> &'static str { \"helper\" }\n")
    .commit("first");
    let project = git_project(&sandbox, &repo, "");
    forget_git(&sandbox, &repo);
    assert_eq!(project.run_isolated(), "3.2.1 with alpha 1.0.0 and helper\n");
}

#[test]
fn a_pull_that_moves_the_commit_is_noticed_by_run_and_mended_by_sync() {
    let sandbox = Sandbox::new();
    let repo = GitRepo::new(&sandbox, "tools");
    let first = repo.telling("", "tools", "old").commit("first");
    let project = git_project(&sandbox, &repo, ", branch = \"main\"");
    let second = repo.telling("", "tools", "new").commit("second");
    let lock = project.read("Cargo.lock");
    assert!(lock.contains(&first));
    project.write("Cargo.lock", &lock.replace(&first, &second));
    // cargo itself builds the old commit without a word: that is why `run` has to say it.
    let output = project.envtool(&["run", "--", "true"]).ok();
    assert_eq!(output.stderr.trim_end().lines().count(), 1, "{output}");
    output.says(&["envtool sync"]);
    project.envtool(&["sync"]).ok();
    assert_eq!(project.envtool(&["run", "--", "true"]).ok().stderr, "");
    assert!(project.read("Cargo.lock").contains(&second));
    forget_git(&sandbox, &repo);
    assert_eq!(project.run_isolated(), "new\n");
}

#[test]
fn two_commits_of_one_repository_lie_side_by_side() {
    let sandbox = Sandbox::new();
    let repo = GitRepo::new(&sandbox, "tools");
    repo.telling("", "tools", "one").commit("first");
    repo.tag("one").telling("", "tools", "two").commit("second");
    repo.tag("two");
    let project = sandbox.project("app");
    let url = repo.url();
    project
        .app(
            &format!(
                "a = {{ package = \"tools\", git = {url:?}, tag = \"one\" }}\nb = {{ package = \"tools\", git = {url:?}, tag = \"two\" }}\n"
            ),
            "println!(\"{} {}\", a::id(), b::id());",
        )
        .lock();
    project.set_up();
    forget_git(&sandbox, &repo);
    assert_eq!(project.run_isolated(), "one two\n");
}

#[test]
fn a_patch_with_a_path_counts() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&telling("alpha", "1.0.0").lib("compile_error!(\"not patched\");"));
    sandbox.registry().publish(
        &krate("user", "1.0.0")
            .lib("pub fn id() -> String { format!(\"user of {}\", alpha::id()) }")
            .dep(Dep::new("alpha", "^1")),
    );
    let project = sandbox.project("app");
    project
        .write("patched/Cargo.toml", "[package]\nname = \"alpha\"\nversion = \"1.0.9\"\nedition = \"2021\"\n")
        .write("patched/src/lib.rs", "pub fn id() -> &'static str { \"the patch\" }\n")
        .app(
            "user = \"1\"\n\n[patch.crates-io]\nalpha = { path = \"patched\" }\n",
            "println!(\"{}\", user::id());",
        )
        .lock();
    project.set_up();
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), "user of the patch\n");
}

#[test]
fn a_patch_from_git_counts() {
    let sandbox = Sandbox::new();
    let repo = GitRepo::new(&sandbox, "alpha");
    sandbox.registry().publish(&telling("alpha", "0.1.0").lib("compile_error!(\"not patched\");"));
    repo.telling("", "alpha", "the patch from git").commit("first");
    let project = sandbox.project("app");
    project
        .app(
            &format!("alpha = \"0.1\"\n\n[patch.crates-io]\nalpha = {{ git = {:?} }}\n", repo.url()),
            "println!(\"{}\", alpha::id());",
        )
        .lock();
    project.set_up();
    forget_git(&sandbox, &repo);
    assert_eq!(project.run_isolated(), "the patch from git\n");
}

/// A registry that wants a token, known to cargo as `private`, and a locked project that needs its crate `inside`,
/// which needs `alpha` of crates.io.
fn private_project(sandbox: &Sandbox) -> (Registry, Project<'_>) {
    let private = Registry::start();
    private.require_token("s3cret");
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    private.publish(
        &telling("inside", "1.0.0")
            .lib("pub fn id() -> String { format!(\"inside with {}\", alpha::id()) }")
            .dep(Dep::new("alpha", "^1").registry("https://github.com/rust-lang/crates.io-index")),
    );
    sandbox.configure_cargo(&format!(
        "[registries.private]\nindex = {:?}\n\n[registry]\nglobal-credential-providers = [\"cargo:token\"]\n",
        private.index()
    ));
    let project = sandbox.project("app");
    project.app("inside = { version = \"1\", registry = \"private\" }\n", "println!(\"{}\", inside::id());");
    project.cargo(&["generate-lockfile"]).env("CARGO_REGISTRIES_PRIVATE_TOKEN", "s3cret").ok();
    fs::remove_dir_all(sandbox.home().join(".cargo/registry")).unwrap();
    (private, project)
}

#[test]
fn an_extra_registry_with_a_token_is_used_with_it() {
    let sandbox = Sandbox::new();
    let (mut private, project) = private_project(&sandbox);
    crate::support::sandbox::write(
        &sandbox.home().join(".cargo/credentials.toml"),
        "[registries.private]\ntoken = \"s3cret\"\n",
    );
    private.forget();
    project.envtool(&["init"]).ok();
    let output = project.envtool(&["sync", "-vv"]).ok();
    output.says(&["GET", &private.url(), "status=\"200\""]);
    assert!(!output.to_string().contains("s3cret"), "{output}");
    let downloads = private.asked("/dl/");
    assert!(!downloads.is_empty() && downloads.iter().all(|r| r.status == 200), "{downloads:?}");
    let sent_elsewhere = sandbox.registry().requests();
    assert!(
        sent_elsewhere.iter().all(|r| !r.headers.contains_key("authorization")),
        "the token went to another registry"
    );
    assert!(!any_file_holds(&sandbox, &project.path(".envtool"), "s3cret"));
    assert!(!any_file_holds(&sandbox, &sandbox.store(), "s3cret"));
    private.stop();
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), "inside with alpha 1.0.0\n");
}

#[test]
fn a_token_in_the_environments_variables_counts_too() {
    let sandbox = Sandbox::new();
    let (mut private, project) = private_project(&sandbox);
    project.envtool(&["init"]).ok();
    project.envtool(&["sync"]).env("CARGO_REGISTRIES_PRIVATE_TOKEN", "s3cret").ok();
    private.stop();
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), "inside with alpha 1.0.0\n");
}

#[test]
fn an_extra_registry_without_its_token_is_refused_by_name() {
    let sandbox = Sandbox::new();
    let (_private, project) = private_project(&sandbox);
    project.envtool(&["init"]).ok();
    let output = project.envtool(&["sync"]).refused(1);
    output.says(&["private", "cargo login"]);
    assert!(!project.has(".envtool/cargo.toml"));
}

#[test]
fn a_token_is_not_carried_to_another_host() {
    let sandbox = Sandbox::new();
    let (private, project) = private_project(&sandbox);
    let other = Registry::start();
    other.publish(&krate("inside", "1.0.0"));
    private.fault(
        "/dl/inside/",
        crate::support::Fault::Redirect(format!("{}/dl/inside/1.0.0/download", other.url())),
    );
    project.envtool(&["init"]).ok();
    // What lies there is not what the lock names; whether it is taken is not the question here.
    project.envtool(&["sync"]).env("CARGO_REGISTRIES_PRIVATE_TOKEN", "s3cret").refused(1);
    assert!(!other.requests().is_empty(), "the redirect was not followed");
    assert!(
        other.requests().iter().all(|r| !r.headers.contains_key("authorization")),
        "{:?}",
        other.requests()
    );
}

/// Turns a lock of version 4 into one of version 3: only the line of the version differs without git sources.
fn lock_version(project: &Project, version: u8) {
    let lock = project.read("Cargo.lock");
    assert!(lock.contains("\nversion = 4\n"), "{lock}");
    project.write("Cargo.lock", &lock.replace("\nversion = 4\n", &format!("\nversion = {version}\n")));
}

#[test]
fn locks_of_versions_3_and_4_are_read_and_left_as_they_are() {
    for version in [3, 4] {
        let sandbox = Sandbox::new();
        sandbox.registry().publish(&telling("alpha", "1.0.0"));
        let project = sandbox.project("app");
        project.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());").lock();
        lock_version(&project, version);
        let lock = project.read("Cargo.lock");
        project.set_up();
        assert_eq!(project.read("Cargo.lock"), lock);
        sandbox.cut_network();
        assert_eq!(project.run_isolated(), "alpha 1.0.0\n");
        assert_eq!(project.read("Cargo.lock"), lock);
    }
}

#[test]
fn a_lock_of_version_3_names_a_branch_as_it_is() {
    let sandbox = Sandbox::new();
    let repo = GitRepo::new(&sandbox, "tools");
    repo.telling("", "tools", "main").commit("first");
    repo.branch("feat/x").telling("", "tools", "feat/x").commit("second");
    let project = sandbox.project("app");
    project
        .app(
            &format!("tools = {{ git = {:?}, branch = \"feat/x\" }}\n", repo.url()),
            "println!(\"{}\", tools::id());",
        )
        .lock();
    lock_version(&project, 3);
    project.write("Cargo.lock", &project.read("Cargo.lock").replace("feat%2Fx", "feat/x"));
    project.set_up();
    forget_git(&sandbox, &repo);
    assert_eq!(project.run_isolated(), "feat/x\n");
}

#[test]
fn a_mirror_above_the_project_is_asked_and_the_environment_wins_over_it() {
    // The sandbox's own registry is such a mirror; here a second one stands between HOME and the project.
    let sandbox = Sandbox::new();
    let mirror = Registry::start();
    mirror.publish(&telling("alpha", "1.0.0"));
    let above = sandbox.project("");
    above.write(
        ".cargo/config.toml",
        &format!(
            "[source.crates-io]\nreplace-with = \"near\"\n\n[source.near]\nregistry = {:?}\n",
            mirror.index()
        ),
    );
    let project = sandbox.project("app");
    project.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());").lock();
    mirror.forget();
    project.set_up();
    assert!(!mirror.asked("/dl/alpha/").is_empty(), "the mirror was not asked");
    assert!(sandbox.registry().requests().is_empty(), "the outer mirror was asked");
    drop(mirror);
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), "alpha 1.0.0\n");
}

#[test]
fn a_source_of_the_same_url_in_the_users_config_keeps_its_name() {
    let sandbox = Sandbox::new();
    let mut second = Registry::start();
    second.publish(&telling("inside", "1.0.0"));
    let repo = GitRepo::new(&sandbox, "tools");
    repo.telling("", "tools", "from git").commit("first");
    // Two definitions of one URL stop cargo: envtool has to use these names.
    sandbox.configure_cargo(&format!(
        "[registries.second]\nindex = {0:?}\n\n[source.our-second]\nregistry = {0:?}\n\n[source.our-git]\ngit = {1:?}\nbranch = \"main\"\n",
        second.index(),
        repo.url()
    ));
    let project = sandbox.project("app");
    project
        .app(
            &format!(
                "inside = {{ version = \"1\", registry = \"second\" }}\ntools = {{ git = {:?}, branch = \"main\" }}\n",
                repo.url()
            ),
            "println!(\"{} {}\", inside::id(), tools::id());",
        )
        .lock();
    project.set_up();
    second.stop();
    forget_git(&sandbox, &repo);
    assert_eq!(project.run_isolated(), "inside 1.0.0 from git\n");
}

#[test]
fn a_source_of_the_same_url_in_the_projects_config_keeps_its_name() {
    let sandbox = Sandbox::new();
    let mut second = Registry::start();
    second.publish(&telling("inside", "1.0.0"));
    let project = sandbox.project("app");
    project
        .write(
            ".cargo/config.toml",
            &format!(
                "[registries.second]\nindex = {0:?}\n\n[source.our-second]\nregistry = {0:?}\n",
                second.index()
            ),
        )
        .app("inside = { version = \"1\", registry = \"second\" }\n", "println!(\"{}\", inside::id());")
        .lock();
    project.set_up();
    second.stop();
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), "inside 1.0.0\n");
}

#[test]
fn the_same_crate_from_two_registries_is_two_crates() {
    let sandbox = Sandbox::new();
    let mut second = Registry::start();
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    second.publish(&telling("alpha", "1.0.0").lib("pub fn id() -> &'static str { \"the other alpha\" }"));
    sandbox.configure_cargo(&format!("[registries.second]\nindex = {:?}\n", second.index()));
    let project = sandbox.project("app");
    project
        .app(
            "alpha = \"1\"\nother = { package = \"alpha\", version = \"1\", registry = \"second\" }\n",
            "println!(\"{}, {}\", alpha::id(), other::id());",
        )
        .lock();
    project.set_up();
    second.stop();
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), "alpha 1.0.0, the other alpha\n");
}

#[test]
fn a_project_inside_a_project_has_an_environment_of_its_own() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    sandbox.registry().publish(&telling("alpha", "2.0.0"));
    let outer = sandbox.project("app");
    outer.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());").lock();
    let inner = sandbox.project("app/tools/inner");
    inner.app("alpha = \"2\"\n\n[workspace]\n", "println!(\"{}\", alpha::id());").lock();
    // The inner one first, so that neither order is the only one that works (init.rs has the other).
    inner.set_up();
    outer.set_up();
    sandbox.cut_network();
    assert_eq!(outer.run_isolated(), "alpha 1.0.0\n");
    assert_eq!(inner.run_isolated(), "alpha 2.0.0\n");
    let below = sandbox.project("app/tools/inner/src");
    assert_eq!(below.run_isolated(), "alpha 2.0.0\n");
}

#[test]
fn a_store_inside_a_workspace_works() {
    let sandbox = Sandbox::new();
    let repo = GitRepo::new(&sandbox, "tools");
    repo.telling("", "tools", "from git").commit("first");
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    let root = sandbox.project("ws");
    root.write("Cargo.toml", "[workspace]\nmembers = [\"app\"]\nresolver = \"2\"\n");
    let project = sandbox.project("ws/app");
    project.app(
        &format!("alpha = \"1\"\ntools = {{ git = {:?} }}\n", repo.url()),
        "println!(\"{} {}\", alpha::id(), tools::id());",
    );
    root.lock();
    let store = root.path("store");
    project.envtool(&["init"]).env("ENVTOOL_CACHE_DIR", &store).ok();
    project.envtool(&["sync"]).env("ENVTOOL_CACHE_DIR", &store).ok();
    assert!(!sandbox.store().exists());
    forget_git(&sandbox, &repo);
    assert_eq!(project.run_isolated(), "alpha 1.0.0 from git\n");
}

#[test]
fn a_cargo_that_is_too_old_is_named() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    let project = sandbox.project("app");
    project.app("alpha = \"1\"\n", "").lock();
    let real = sandbox.which("cargo");
    let old = sandbox.program(
        "cargo",
        &format!(
            "#!/bin/sh\nfor arg; do case \"$arg\" in\n-V|--version|-vV|-Vv) printf 'cargo 1.80.0 (376290515 2024-07-16)\\nrelease: 1.80.0\\n'; exit 0;;\nesac; done\nexec {} \"$@\"\n",
            real.display()
        ),
    );
    let path = sandbox.path_after(&old);
    let init = project.envtool(&["init"]).env("PATH", &path).run();
    let sync = project.envtool(&["sync"]).env("PATH", &path).run();
    assert!(
        [&init, &sync].iter().any(|o| o.stderr.contains("1.80.0") && o.stderr.contains("1.94")),
        "neither names the version that is there and the one that is needed\n{init}\n{sync}"
    );
    for output in [init, sync] {
        if output.code != Some(0) {
            output.must_help();
        }
    }
}

#[test]
fn features_links_and_rust_versions_are_cargos_affair() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(
        &krate("native-sys", "0.1.0")
            .links("native")
            .rust_version("1.70")
            .edition("2018")
            .feature("default", &["loud"])
            .feature("loud", &[])
            .feature("quiet", &[])
            .build_script("fn main() { println!(\"cargo:word=hello\"); }")
            .lib("pub fn id() -> &'static str { if cfg!(feature = \"loud\") { \"loud\" } else if cfg!(feature = \"quiet\") { \"quiet\" } else { \"neither\" } }"),
    );
    sandbox.registry().publish(
        &krate("user", "1.0.0")
            .dep(Dep::new("native-sys", "^0.1").features(&["quiet"]))
            .build_script("fn main() { println!(\"cargo:rustc-env=WORD={}\", std::env::var(\"DEP_NATIVE_WORD\").unwrap()); }")
            .lib("pub fn id() -> String { format!(\"{} {}\", env!(\"WORD\"), native_sys::id()) }"),
    );
    let project = sandbox.project("app");
    project.app("user = \"1\"\n", "println!(\"{}\", user::id());").lock();
    project.set_up();
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), "hello quiet\n");
}
