//! The dependencies in a user's `Cargo.toml`: put in, moved to another requirement, taken out.
//!
//! The format is cargo's: cargo reference, "Specifying Dependencies". Where a new entry goes and what a removal takes
//! along is what `cargo add` and `cargo remove` 1.95 do (tried), with two differences. They write the entry anew, and
//! lose the comment behind it; here the text is cut at the places that the parser names, and every other byte stays,
//! line ends too. And `cargo remove` takes every comment up to the entry before; here one that stands apart stays.
//!
//! An *entry* is one key of a table of dependencies. It is *plain* (`serde = "1"`), a table (between braces, below a
//! header of its own, or of dotted keys), or *inherited*: `workspace = true` leaves the requirement to
//! `[workspace.dependencies]` of the workspace's root, so that is where a requirement is written.
//!
//! No file is opened here; who calls says in which file a fault is.

mod change;
mod facts;
mod place;
mod read;
mod removal;
mod requirements;
#[cfg(test)]
mod tests;

use crate::fault::{Fault, Result};
use crate::package::PackageName;
use change::below;
pub use facts::{Facts, facts};
use read::Entry;
pub use removal::{Removed, remove, remove_from_workspace};
pub use requirements::{Required, move_requirement, required};

/// Which table of dependencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `[dependencies]`
    Normal,
    /// `[dev-dependencies]`
    Dev,
    /// `[build-dependencies]`
    Build,
}

/// What is to stand in a manifest.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// The package, under its canonical name: `-` and `_` are two letters here.
    pub package: PackageName,
    /// The requirement that is written, such as `=1.0.219` or `1`.
    pub requirement: String,
    /// Features that are asked for; they are added to those that stand there.
    pub features: Vec<String>,
    /// Whether default features are wanted. `None`: as it stands, which is "yes" for a new entry.
    pub default_features: Option<bool>,
    /// Which registry of cargo's configuration, where it is not crates.io. `None`: as it stands.
    pub registry: Option<String>,
    /// Which table.
    pub kind: Kind,
}

/// The manifests of one addition: a member's, and that of its workspace's root where it is another file.
#[derive(Clone, Copy, Debug)]
pub struct Manifests<'a> {
    /// The text of the manifest that gets the dependency.
    pub member: &'a str,
    /// The text of the workspace's root, where it is another file.
    pub root: Option<&'a str>,
}

/// What an addition made of the manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// The member's new text; `None` where it stays as it is.
    pub member: Option<String>,
    /// The root's new text; `None` where it stays as it is.
    pub root: Option<String>,
    /// The requirement that stood there before; `None` where there was none.
    pub before: Option<String>,
    /// The name under which the dependency stands: not the package's where it is renamed.
    pub key: String,
    /// The registry that the entry names.
    pub registry: Option<String>,
}

/// Puts a dependency into a manifest, or moves the entries that stand there, also those for a target, to its
/// requirement.
pub fn add(manifests: &Manifests, dependency: &Dependency) -> Result<Added> {
    if !facts::is_package(manifests.member)? {
        return Err(Fault::new("this Cargo.toml has no [package] that could depend on anything")
            .help("name the member of the workspace: `-p MEMBER`"));
    }
    let package = dependency.package.as_str();
    let shared = read::shared(manifests.root.unwrap_or(manifests.member))?;
    let tables = read::tables(manifests.member, dependency.kind)?;
    let entries = read::entries(manifests.member, &tables, &shared)?;
    let mut texts =
        Texts { member: manifests.member.to_owned(), root: manifests.root.map(str::to_owned), dependency };

    let mut standing = Vec::new();
    for table in &tables {
        standing.extend(chosen(entries.iter().filter(|entry| entry.table == *table), package)?);
    }
    // cargo adds the features of the table for all targets to those of each: they are written once.
    let for_all = standing.iter().any(|entry| entry.table.len() == 1);
    for entry in &standing {
        let takes_features = entry.table.len() == 1 || !for_all;
        texts.move_entry(entry, origin(entry, &shared)?, takes_features)?;
    }
    let (key, before, registry) = match standing.first() {
        Some(entry) => {
            let origin = origin(entry, &shared)?.unwrap_or(entry);
            let before = origin.version.as_ref().map(|(version, _)| version.clone());
            (entry.key.clone(), before, origin.registry.clone())
        }
        None => texts.new_entry(&tables, &entries, &shared)?,
    };
    Ok(Added {
        member: (texts.member != manifests.member).then_some(texts.member),
        root: texts.root.filter(|root| Some(root.as_str()) != manifests.root),
        before,
        key,
        registry: registry.or_else(|| dependency.registry.clone()),
    })
}

/// What a manifest says of a package already, or what it could inherit of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The requirement.
    pub requirement: Option<String>,
    /// The registry of cargo's configuration that it names; `None` for crates.io.
    pub registry: Option<String>,
    /// Whether the manifest has an entry of its own, and not only its workspace.
    pub is_own: bool,
}

/// What stands in the manifests of a package that `is_it` knows: in the table of `kind`, else to be inherited, else in
/// another table.
pub fn standing(manifests: &Manifests, kind: Kind, is_it: impl Fn(&str) -> bool) -> Result<Option<Standing>> {
    let shared = read::shared(manifests.root.unwrap_or(manifests.member))?;
    let tables = read::tables(manifests.member, kind)?;
    let entries = read::entries(manifests.member, &read::all_tables(manifests.member)?, &shared)?;
    let own = || entries.iter().filter(|entry| is_it(&entry.package));
    let found = own()
        .find(|entry| tables.contains(&entry.table))
        .or_else(|| shared.iter().find(|entry| is_it(&entry.package)))
        .or_else(|| own().next());
    let Some(found) = found else { return Ok(None) };
    let said = origin(found, &shared)?.unwrap_or(found);
    Ok(Some(Standing {
        requirement: said.version.as_ref().map(|(version, _)| version.clone()),
        registry: said.registry.clone().filter(|name| name != "crates-io"),
        is_own: own().next().is_some(),
    }))
}

/// Whether a manifest inherits this key from its workspace.
pub fn inherits(text: &str, key: &str) -> Result<bool> {
    let entries = read::entries(text, &read::all_tables(text)?, &[])?;
    Ok(entries.iter().any(|entry| entry.inherited && entry.key == key))
}

/// The entry of a package in one table: the one under its own name, where there are several.
fn chosen<'a>(entries: impl Iterator<Item = &'a Entry>, package: &str) -> Result<Option<&'a Entry>> {
    let found: Vec<&Entry> = entries.filter(|entry| entry.package == package).collect();
    if found.len() < 2 {
        return Ok(found.first().copied());
    }
    let own = found.iter().find(|entry| entry.key == package).copied();
    own.map(Some).ok_or_else(|| {
        let keys: Vec<String> = found.iter().map(|entry| format!("`{}`", entry.key)).collect();
        Fault::new(format!(
            "`{package}` stands more than once in [{}]: {}",
            found[0].table.join("."),
            keys.join(", ")
        ))
        .help(format!("write the requirement by hand at the one that is meant, or name that one `{package}`"))
    })
}

/// What an inherited entry inherits from; `None` for any other.
fn origin<'a>(entry: &Entry, shared: &'a [Entry]) -> Result<Option<&'a Entry>> {
    if !entry.inherited {
        return Ok(None);
    }
    let key = &entry.key;
    shared.iter().find(|origin| origin.key == *key).map(Some).ok_or_else(|| {
        Fault::new(format!("`{key}` inherits from [workspace.dependencies], where it does not stand"))
            .help(format!("add `{key}` there, or write a version in place of `workspace = true`"))
    })
}

/// The texts while they change.
struct Texts<'a> {
    member: String,
    root: Option<String>,
    dependency: &'a Dependency,
}

impl Texts<'_> {
    /// Moves an entry that stands there to the requirement.
    fn move_entry(&mut self, entry: &Entry, origin: Option<&Entry>, takes_features: bool) -> Result<()> {
        let features: &[String] = if takes_features { &self.dependency.features } else { &[] };
        let Some(origin) = origin else {
            self.member = moved(&self.member, entry, self.dependency, features)?;
            return Ok(());
        };
        self.move_origin(origin)?;
        self.member = with_features(&self.member, entry, features)?;
        let said = entry.default_features.map(|(value, _)| value);
        let differs = match self.dependency.default_features {
            Some(false) => said == Some(true),
            // Said here it counts, also where the workspace says no.
            Some(true) => said == Some(false) || (said.is_none() && !defaults(origin)),
            None => false,
        };
        if let Some(value) = self.dependency.default_features.filter(|_| differs) {
            let name = entry.default_features.map_or("default-features", |(_, name)| name);
            self.member =
                change::set(&self.member, &entry.table, &[&entry.key, name], &value.to_string(), &[])?;
        }
        Ok(())
    }

    /// Moves what is inherited from. That default features are not wanted can only be said there.
    fn move_origin(&mut self, origin: &Entry) -> Result<()> {
        let only_less = self.dependency.default_features.filter(|wanted| !wanted);
        let dependency = Dependency { default_features: only_less, ..self.dependency.clone() };
        let text = self.root.as_mut().unwrap_or(&mut self.member);
        *text = moved(text, origin, &dependency, &[])?;
        Ok(())
    }

    /// Adds an entry, inherited where the workspace has that package. Its key, and the requirement and the registry
    /// that stood in the workspace.
    fn new_entry(
        &mut self,
        tables: &[Vec<String>],
        entries: &[Entry],
        shared: &[Entry],
    ) -> Result<(String, Option<String>, Option<String>)> {
        let dependency = self.dependency;
        let origin = chosen(shared.iter(), dependency.package.as_str())?;
        let key = origin.map_or(dependency.package.as_str(), |origin| &origin.key);
        // A table under its legacy name takes it too: cargo does not read both.
        let own = tables.iter().find(|table| table.len() == 1);
        let table = own.cloned().unwrap_or_else(|| below(&[], &read::names(dependency.kind)[..1]));
        if let Some(other) = entries.iter().find(|entry| entry.table == table && entry.key == key) {
            return Err(Fault::new(format!("`{key}` stands for the package `{}` there", other.package))
                .help(format!("rename one of them: NAME = {{ package = \"{}\", … }}", dependency.package)));
        }
        let mut near = read::all_tables(&self.member)?;
        if near.is_empty() {
            near.push(read::shared_table());
        }
        let mut say_default = dependency.default_features == Some(false);
        if let Some(origin) = origin {
            self.move_origin(origin)?;
            say_default = dependency.default_features == Some(true) && !defaults(origin);
        }
        let mut fields = Vec::new();
        match origin {
            Some(_) => fields.push(("workspace", "true".to_owned())),
            None => fields.push(("version", string(&dependency.requirement))),
        }
        let registry = dependency.registry.as_ref().filter(|_| origin.is_none());
        fields.extend(registry.map(|name| ("registry", string(name))));
        if say_default {
            fields.push(("default-features", origin.is_some().to_string()));
        }
        fields.extend(list(&missing(&dependency.features, None)).map(|list| ("features", list)));
        self.member = match (fields.as_slice(), origin) {
            ([_], Some(_)) => change::set(&self.member, &table, &[key, "workspace"], "true", &near),
            ([(_, version)], None) => change::set(&self.member, &table, &[key], version, &near),
            _ => change::set(&self.member, &table, &[key], &braces(&fields), &near),
        }?;
        let before = origin.and_then(|origin| origin.version.as_ref()).map(|(version, _)| version.clone());
        Ok((key.to_owned(), before, origin.and_then(|origin| origin.registry.clone())))
    }
}

/// Moves one entry of a registry to the requirement, with what else is asked of it.
fn moved(text: &str, entry: &Entry, dependency: &Dependency, features: &[String]) -> Result<String> {
    refuse_elsewhere(entry, dependency)?;
    let version = match &entry.version {
        Some((version, written)) if *version == dependency.requirement => written.clone(),
        Some((_, written)) => string_like(written, &dependency.requirement),
        None => string(&dependency.requirement),
    };
    let mut fields = Vec::new();
    if entry.version.as_ref().is_none_or(|(_, written)| *written != version) {
        fields.push(("version", version.clone()));
    }
    let registry = dependency.registry.as_ref().filter(|_| entry.registry.is_none());
    fields.extend(registry.map(|name| ("registry", string(name))));
    let (_, spelling) = entry.default_features.unwrap_or((true, "default-features"));
    let wanted = dependency.default_features.filter(|wanted| *wanted != defaults(entry));
    fields.extend(wanted.map(|wanted| (spelling, wanted.to_string())));

    let more = missing(features, None);
    if entry.plain {
        let is_version = |(name, _): &(&str, String)| *name == "version";
        if more.is_empty() && fields.iter().all(is_version) {
            return change::set(text, &entry.table, &[&entry.key], &version, &[]);
        }
        fields.retain(|field| !is_version(field));
        fields.insert(0, ("version", version));
        fields.extend(list(&more).map(|list| ("features", list)));
        return change::set(text, &entry.table, &[&entry.key], &braces(&fields), &[]);
    }
    let mut text = text.to_owned();
    for (name, value) in fields {
        text = change::set(&text, &entry.table, &[&entry.key, name], &value, &[])?;
    }
    with_features(&text, entry, features)
}

/// Adds to an entry's features what is not among them.
fn with_features(text: &str, entry: &Entry, features: &[String]) -> Result<String> {
    let more = missing(features, entry.features.as_deref());
    if entry.features.is_none() {
        return list(&more).map_or_else(
            || Ok(text.to_owned()),
            |list| change::set(text, &entry.table, &[&entry.key, "features"], &list, &[]),
        );
    }
    let path = below(&entry.table, &[&entry.key, "features"]);
    more.iter().try_fold(text.to_owned(), |text, feature| change::push(&text, &path, &string(feature)))
}

/// Refuses to pin what comes from no registry, or from another one.
fn refuse_elsewhere(entry: &Entry, dependency: &Dependency) -> Result<()> {
    let key = &entry.key;
    let table = entry.table.join(".");
    if let Some(place) = entry.elsewhere {
        return Err(Fault::new(format!(
            "`{key}` comes from `{place}`, not from a registry: so [{table}] says"
        ))
        .help(format!("remove `{place}` from that entry where a registry's version is wanted")));
    }
    match (&entry.registry, &dependency.registry) {
        (Some(own), Some(wanted)) if own != wanted => {
            Err(Fault::new(format!("`{key}` comes from the registry `{own}`: so [{table}] says"))
                .help(format!("write `registry = \"{wanted}\"` there where that one is wanted")))
        }
        _ => Ok(()),
    }
}

/// Whether an entry has default features.
fn defaults(entry: &Entry) -> bool {
    entry.default_features.is_none_or(|(value, _)| value)
}

/// The features that are not there yet, each once.
fn missing(features: &[String], there: Option<&[String]>) -> Vec<String> {
    let mut more: Vec<String> = Vec::new();
    for feature in features {
        if !more.contains(feature) && !there.is_some_and(|there| there.contains(feature)) {
            more.push(feature.clone());
        }
    }
    more
}

/// A string as TOML.
fn string(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}

/// A string as TOML, between the quotes of the one that it replaces.
fn string_like(old: &str, new: &str) -> String {
    let literal = old.starts_with('\'') && !old.starts_with("'''");
    let simple = new.chars().all(|c| c != '\'' && !c.is_control());
    if literal && simple { format!("'{new}'") } else { string(new) }
}

/// Strings as a list of TOML; `None` where there are none.
fn list(strings: &[String]) -> Option<String> {
    let written: Vec<String> = strings.iter().map(|text| string(text)).collect();
    (!written.is_empty()).then(|| format!("[{}]", written.join(", ")))
}

fn braces(fields: &[(&str, String)]) -> String {
    let written: Vec<String> = fields.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    format!("{{ {} }}", written.join(", "))
}
