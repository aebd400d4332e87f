//! The token that a registry is asked with, found as cargo finds it (cargo reference, "Registry Authentication" and
//! "Credential Provider Protocol").
//!
//! A provider of the registry itself is the only one asked; else the global ones, the last written first; else
//! `cargo:token`. That last step is more than cargo does: it refuses a registry that demands a token until a provider is
//! configured. A provider's answer is one line of JSON after a line that greets; the request may be written before the
//! greeting is read, and standard input closed behind it (tried with cargo 1.95's side and a script).

use std::path::Path;

use serde_json::{Value, json};

use crate::cargo_config::{CRATES_IO, CargoConfig, Layer, Provider, Registry, Variables};
use crate::fault::{Fault, Result};
use crate::fs;

pub use crate::cargo_config::Secret;

/// Starts a program, writes `input` to it, closes its standard input and hands back its standard output.
/// A program that cannot be started or fails is a failure.
pub trait Runner {
    /// Runs the program `argv[0]` with the variables `envs` added.
    fn talk(&self, argv: &[String], envs: &[(String, String)], input: &str) -> Result<String>;
}

/// Which registry a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked<'a> {
    /// By its name in the configuration; `crates-io` is cargo's own.
    Name(&'a str),
    /// By the URL of its index.
    Index(&'a str),
}

/// What is known about a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// No provider knows one.
    Absent,
    /// This one.
    Known(Secret),
    /// Only cargo's own provider of this name can say: let cargo fetch.
    AskCargo(String),
}

/// The token that cargo would send to a registry when it reads from it.
pub fn token_for(
    config: &CargoConfig,
    asked: Asked<'_>,
    cargo_home: &Path,
    runner: &dyn Runner,
) -> Result<Token> {
    let found = match asked {
        Asked::Name(name) => config.registry(name)?,
        Asked::Index(url) => config.registry_by_index(url)?,
    };
    let index = match (asked, &found) {
        (Asked::Index(url), _) => url.to_owned(),
        (Asked::Name(CRATES_IO), _) => config.crates_io_index()?.to_owned(),
        (Asked::Name(name), found) => {
            found.as_ref().and_then(|registry| registry.index.clone()).map(|(url, _)| url).ok_or_else(
                || {
                    Fault::new(format!("cargo's configuration has no registry `{name}`"))
                        .help(format!("add `index` to [registries.{name}] in .cargo/config.toml"))
                },
            )?
        }
    };
    let call = Call { config, credentials: credentials(cargo_home)?, registry: found, index, runner };
    call.token()
}

/// The credentials file as a configuration of its own; the legacy name wins where both are there (tried).
fn credentials(cargo_home: &Path) -> Result<CargoConfig> {
    let mut layers = Vec::new();
    for name in ["credentials", "credentials.toml"] {
        let file = cargo_home.join(name);
        if let Some(text) = fs::read_text(&file)? {
            layers.push(Layer::parse(file, &text)?);
            break;
        }
    }
    CargoConfig::merge(layers, Variables::default())
}

/// One search for a token.
struct Call<'a> {
    config: &'a CargoConfig,
    credentials: CargoConfig,
    registry: Option<Registry>,
    index: String,
    runner: &'a dyn Runner,
}

impl Call<'_> {
    fn token(&self) -> Result<Token> {
        let providers = self.providers()?;
        if providers.is_empty() {
            return self.stored();
        }
        for provider in providers {
            let token = self.ask(&provider).map_err(|fault| {
                fault
                    .while_doing(format!("could not get the token for {}", self.index))
                    .or_help(format!("see the credential provider set in {}", provider.place))
            })?;
            if token != Token::Absent {
                return Ok(token);
            }
        }
        Ok(Token::Absent)
    }

    /// The providers in the order in which they are asked, aliases looked up once.
    fn providers(&self) -> Result<Vec<Provider>> {
        let own = self.registry.as_ref().and_then(|registry| registry.credential_provider.clone());
        let own = match own {
            Some(own) => Some(own),
            None => self.in_credentials()?.and_then(|found| found.credential_provider),
        };
        let providers = match own {
            Some(own) => vec![own],
            None => self.config.global_credential_providers()?,
        };
        providers.into_iter().map(|provider| self.resolve(provider)).collect()
    }

    fn resolve(&self, provider: Provider) -> Result<Provider> {
        match provider.words.as_slice() {
            [name] => Ok(self.config.credential_alias(name)?.unwrap_or(provider)),
            _ => Ok(provider),
        }
    }

    fn in_credentials(&self) -> Result<Option<Registry>> {
        match &self.registry {
            Some(registry) => self.credentials.registry(&registry.name),
            None => Ok(None),
        }
    }

    /// `cargo:token`: a variable counts more than the credentials file, that one more than the configuration (tried).
    fn stored(&self) -> Result<Token> {
        let configured = self.registry.as_ref().and_then(|registry| registry.token.clone());
        let stored = self.in_credentials()?.and_then(|registry| registry.token);
        let token = match (configured, stored) {
            (Some((token, place)), _) if place.file().is_none() => Some(token),
            (_, Some((token, _))) | (Some((token, _)), None) => Some(token),
            (None, None) => None,
        };
        Ok(token.map_or(Token::Absent, Token::Known))
    }

    fn ask(&self, provider: &Provider) -> Result<Token> {
        let Some((program, arguments)) = provider.words.split_first() else {
            return Ok(Token::Absent);
        };
        match program.as_str() {
            "cargo:token" => self.stored(),
            "cargo:token-from-stdout" => self.printed_by(arguments),
            "cargo:libsecret" => Ok(cargos_own(program, cfg!(target_os = "linux"))),
            "cargo:macos-keychain" => Ok(cargos_own(program, cfg!(target_os = "macos"))),
            "cargo:wincred" => Ok(cargos_own(program, cfg!(windows))),
            name if name.starts_with("cargo:") => {
                Err(Fault::new(format!("there is no credential provider `{name}`"))
                    .help(format!("correct the provider in {}", provider.place)))
            }
            _ => self.spoken_by(program, arguments),
        }
    }

    /// `cargo:token-from-stdout`: a program whose only line of output is the token.
    fn printed_by(&self, arguments: &[String]) -> Result<Token> {
        if arguments.is_empty() {
            return Err(Fault::new("`cargo:token-from-stdout` names no program")
                .help("write the program and its arguments behind it"));
        }
        let argv: Vec<String> =
            arguments.iter().map(|word| word.replace("{index_url}", &self.index)).collect();
        let mut envs = vec![("CARGO_REGISTRY_INDEX_URL".to_owned(), self.index.clone())];
        if let Some(registry) = &self.registry {
            envs.push(("CARGO_REGISTRY_NAME_OPT".to_owned(), registry.name.clone()));
        }
        let output = self.runner.talk(&argv, &envs, "")?;
        let mut lines = output.lines();
        match (lines.next().filter(|line| !line.is_empty()), lines.next()) {
            (Some(token), None) => Ok(Token::Known(Secret::new(token))),
            (Some(_), Some(_)) => Err(Fault::new(format!("`{}` printed more than one line", argv[0]))
                .why("cargo takes one line, the token")
                .help("have it print the token alone; it stands in `credential-provider` of cargo's configuration")),
            (None, _) => Err(Fault::new(format!("`{}` printed no token", argv[0]))
                .help("see what it prints by itself; it stands in `credential-provider` of cargo's configuration")),
        }
    }

    /// A program that speaks the protocol, version 1.
    fn spoken_by(&self, program: &str, arguments: &[String]) -> Result<Token> {
        let mut registry = json!({ "index-url": self.index });
        if let Some(known) = &self.registry {
            registry["name"] = json!(known.name);
        }
        let request = json!({
            "v": 1, "registry": registry, "kind": "get", "operation": "read", "args": arguments,
        });
        let argv = [program.to_owned(), "--cargo-plugin".to_owned()];
        let output = self.runner.talk(&argv, &[], &format!("{request}\n"))?;
        answer(program, &output)
    }
}

/// A provider built into cargo: on another system than its own it knows nothing.
fn cargos_own(name: &str, here: bool) -> Token {
    if here { Token::AskCargo(name.to_owned()) } else { Token::Absent }
}

/// Reads the greeting and the answer. What was said is never repeated in a failure: it may hold the token.
fn answer(program: &str, output: &str) -> Result<Token> {
    let broken = |what: &str| Fault::new(format!("the credential provider `{program}` {what}"));
    let mut lines = output.lines().filter(|line| !line.trim().is_empty());
    let mut line = || -> Option<Value> { lines.next().and_then(|line| serde_json::from_str(line).ok()) };
    let Some(hello) = line() else {
        return Err(broken("does not speak cargo's protocol").help(
            "if it only prints a token, write \"cargo:token-from-stdout\" before it in the configuration",
        ));
    };
    let versions = hello["v"].as_array();
    if !versions.is_some_and(|versions| versions.iter().any(|version| version == 1)) {
        return Err(broken("does not speak version 1 of cargo's protocol").help("update or downgrade it"));
    }
    let Some(answer) = line() else {
        return Err(broken("gave no answer that is JSON"));
    };
    if let Some(token) = answer["Ok"]["token"].as_str() {
        return Ok(Token::Known(Secret::new(token)));
    }
    match answer["Err"]["kind"].as_str() {
        Some("not-found" | "url-not-supported") => Ok(Token::Absent),
        Some("operation-not-supported") => Err(broken("cannot read tokens")),
        Some(kind) => {
            let message = answer["Err"]["message"].as_str().unwrap_or(kind);
            let causes = answer["Err"]["caused-by"].as_array().into_iter().flatten();
            Err(causes.filter_map(Value::as_str).fold(broken("failed").why(message), Fault::why))
        }
        None => Err(broken("gave an answer without a token")),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::path::Path;

    use super::{Asked, Runner, Secret, Token, token_for};
    use crate::cargo_config::{CargoConfig, Layer, Variables};
    use crate::fault::Result;

    const INDEX: &str = "sparse+http://127.0.0.1:1/";

    /// Answers every program with what it was given, and remembers what was asked.
    struct Script(&'static str, RefCell<Vec<String>>);

    impl Runner for Script {
        fn talk(&self, argv: &[String], envs: &[(String, String)], input: &str) -> Result<String> {
            self.1.borrow_mut().push(format!("{argv:?} {envs:?} {input}"));
            let bad = argv[0].ends_with("/none");
            Ok(if bad { "{\"v\":[1]}\n{\"Err\":{\"kind\":\"not-found\"}}\n" } else { self.0 }.to_owned())
        }
    }

    struct Case {
        home: tempfile::TempDir,
        script: Script,
    }

    impl Case {
        fn new(output: &'static str) -> Self {
            Self { home: tempfile::tempdir().unwrap(), script: Script(output, RefCell::default()) }
        }

        fn token(&self, text: &str, variables: &[(&str, &str)]) -> Result<Token> {
            let text = format!("{text}\n[registries.corp]\nindex = '{INDEX}'\n");
            let layer = Layer::parse(Path::new("/p/.cargo/config.toml"), &text)?;
            let config = CargoConfig::merge(vec![layer], variables.iter().copied().collect::<Variables>())?;
            let by_index = token_for(&config, Asked::Index(INDEX), self.home.path(), &self.script)?;
            let by_name = token_for(&config, Asked::Name("corp"), self.home.path(), &self.script)?;
            assert_eq!(by_index, by_name);
            Ok(by_name)
        }

        fn asked(&self) -> String {
            self.script.1.borrow().last().cloned().unwrap_or_default()
        }
    }

    fn known(token: &str) -> Token {
        Token::Known(Secret::new(token))
    }

    const SPOKEN: &str = "{\"v\":[1]}\n{\"Ok\":{\"kind\":\"get\",\"token\":\"t\",\"cache\":\"session\"}}\n";

    #[test]
    fn a_variable_counts_more_than_the_credentials_and_those_more_than_the_configuration() {
        let case = Case::new("");
        let text = "registries.corp.token = 'file'";
        let text = |with: bool| if with { text } else { "" };
        let merged = |with: bool, variables: &[(&str, &str)]| {
            let head = text(with);
            let file = format!("{head}\nregistries.corp.index = '{INDEX}'\n");
            let layer = Layer::parse(Path::new("/p/.cargo/config.toml"), &file).unwrap();
            let config =
                CargoConfig::merge(vec![layer], variables.iter().copied().collect::<Variables>()).unwrap();
            token_for(&config, Asked::Name("corp"), case.home.path(), &case.script).unwrap()
        };
        assert_eq!(merged(false, &[]), Token::Absent);
        assert_eq!(merged(true, &[]), known("file"));
        let stored = case.home.path().join("credentials.toml");
        crate::fs::write(&stored, b"[registries.corp]\ntoken = 'stored'\n").unwrap();
        assert_eq!(merged(true, &[]), known("stored"));
        let legacy = case.home.path().join("credentials");
        crate::fs::write(&legacy, b"[registries.corp]\ntoken = 'legacy'\n").unwrap();
        assert_eq!(merged(false, &[]), known("legacy"));
        assert_eq!(merged(true, &[("CARGO_REGISTRIES_CORP_TOKEN", "env")]), known("env"));
    }

    #[test]
    fn crates_io_has_its_own_table() {
        let case = Case::new("");
        let variables: Variables = [("CARGO_REGISTRY_TOKEN", "env")].into_iter().collect();
        let config = CargoConfig::merge(Vec::new(), variables).unwrap();
        for asked in [Asked::Name("crates-io"), Asked::Index(tame_index::CRATES_IO_INDEX)] {
            let token = token_for(&config, asked, case.home.path(), &case.script).unwrap();
            assert_eq!(token, known("env"));
        }
    }

    #[test]
    fn a_program_is_asked_in_cargos_protocol() {
        let case = Case::new(SPOKEN);
        let providers = "[registry]\nglobal-credential-providers = ['./some x y', '/none']";
        assert_eq!(case.token(providers, &[]).unwrap(), known("t"));
        assert_eq!(
            case.asked(),
            format!(
                "[\"/p/./some\", \"--cargo-plugin\"] [] {{\"v\":1,\"registry\":{{\"index-url\":\"{INDEX}\",\
                 \"name\":\"corp\"}},\"kind\":\"get\",\"operation\":\"read\",\"args\":[\"x\",\"y\"]}}\n"
            )
        );
        let alias =
            "[credential-alias]\nmine = ['prog', 'a']\n[registry]\nglobal-credential-providers = ['mine']";
        assert_eq!(case.token(alias, &[]).unwrap(), known("t"));
        assert!(case.asked().contains("[\"prog\", \"--cargo-plugin\"]") && case.asked().contains("[\"a\"]"));
        let own = [("CARGO_REGISTRIES_CORP_CREDENTIAL_PROVIDER", "other b")];
        assert_eq!(case.token(alias, &own).unwrap(), known("t"));
        assert!(case.asked().contains("other"));
    }

    #[test]
    fn a_program_may_print_the_token() {
        let provider =
            [("CARGO_REGISTRIES_CORP_CREDENTIAL_PROVIDER", "cargo:token-from-stdout prog {index_url}")];
        let case = Case::new("t\n");
        assert_eq!(case.token("", &provider).unwrap(), known("t"));
        assert_eq!(
            case.asked(),
            format!(
                "[\"prog\", \"{INDEX}\"] [(\"CARGO_REGISTRY_INDEX_URL\", \"{INDEX}\"), \
                 (\"CARGO_REGISTRY_NAME_OPT\", \"corp\")] "
            )
        );
        for (output, why) in [("", "no token"), ("a\nb\n", "more than one line")] {
            let fault = Case::new(output).token("", &provider).unwrap_err();
            assert!(fault.to_string().contains(why), "{fault}");
            assert!(fault.help_text().is_some());
        }
    }

    #[test]
    fn what_a_program_says_wrong_is_a_failure_that_hides_the_token() {
        let provider = [("CARGO_REGISTRIES_CORP_CREDENTIAL_PROVIDER", "prog")];
        for (output, why) in [
            ("s3cret\n", "does not speak cargo's protocol"),
            ("{\"v\":[2]}\n", "version 1"),
            ("{\"v\":[1]}\ns3cret\n", "no answer that is JSON"),
            ("{\"v\":[1]}\n{\"Ok\":{\"s3cret\":1}}\n", "without a token"),
            (
                "{\"v\":[1]}\n{\"Err\":{\"kind\":\"other\",\"message\":\"locked\",\"caused-by\":[\"rain\"]}}\n",
                "locked: rain",
            ),
        ] {
            let fault = Case::new(output).token("", &provider).unwrap_err();
            assert!(fault.to_string().contains(why), "{fault}");
            assert!(!fault.to_string().contains("s3cret"), "{fault}");
        }
        assert_eq!(format!("{:?}", known("s3cret")), "Known(Secret(…))");
    }

    #[test]
    fn a_key_ring_is_left_to_cargo() {
        let providers = "[registry]\nglobal-credential-providers = \
            ['cargo:token', 'cargo:macos-keychain', 'cargo:libsecret', 'cargo:wincred']";
        let case = Case::new("");
        if cfg!(target_os = "linux") {
            let token = case.token(providers, &[]).unwrap();
            assert_eq!(token, Token::AskCargo("cargo:libsecret".to_owned()));
        }
        let unknown = "[registry]\nglobal-credential-providers = ['cargo:nope']";
        assert!(case.token(unknown, &[]).is_err());
    }
}
