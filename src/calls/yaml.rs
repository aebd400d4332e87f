//! YAML as a tree that knows lines. What breaks off is kept to where it breaks.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

/// How deep a tree is read.
const DEEPEST: usize = 64;

/// A value and the line it begins on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    /// The value that this number stands for.
    Alias(usize),
}

/// The documents of a text.
#[derive(Default)]
pub(super) struct Yaml {
    pub(super) documents: Vec<Node>,
    anchors: BTreeMap<usize, Node>,
}

/// A list or map that is not complete yet.
struct Open {
    line: usize,
    anchor: usize,
    is_map: bool,
    children: Vec<Node>,
}

impl Open {
    fn close(self) -> Node {
        let value = if self.is_map {
            let mut pairs = Vec::new();
            let mut children = self.children.into_iter();
            while let (Some(key), Some(value)) = (children.next(), children.next()) {
                pairs.push((key, value));
            }
            Value::Map(pairs)
        } else {
            Value::List(self.children)
        };
        Node { line: self.line, value }
    }
}

/// Reads a text.
pub(super) fn parse(text: &str) -> Yaml {
    let mut yaml = Yaml::default();
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else { break };
        let line = span.start.line();
        let (anchor, node) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                // A block is said to begin with its first line that is not empty.
                let blank = if is_block { text.chars().take_while(|c| *c == '\n').count() } else { 0 };
                (anchor, Node { line: line.saturating_sub(blank), value: Value::Text(text.into_owned()) })
            }
            Event::Alias(number) => (0, Node { line, value: Value::Alias(number) }),
            Event::SequenceStart(anchor, ref tag) | Event::MappingStart(anchor, ref tag) => {
                if open.len() >= DEEPEST {
                    break;
                }
                // `!reference [.setup, script]` of GitLab is a path and no list.
                let is_path = tag.as_ref().is_some_and(|tag| tag.suffix == "reference");
                let is_map = is_path || matches!(event, Event::MappingStart(..));
                open.push(Open { line, anchor, is_map, children: Vec::new() });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(done) => (done.anchor, done.close()),
                None => break,
            },
            _ => continue,
        };
        yaml.put(&mut open, anchor, node);
    }
    while let Some(broken) = open.pop() {
        yaml.put(&mut open, 0, broken.close());
    }
    yaml
}

impl Yaml {
    fn put(&mut self, open: &mut [Open], anchor: usize, node: Node) {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match open.last_mut() {
            Some(parent) => parent.children.push(node),
            None => self.documents.push(node),
        }
    }

    /// The value itself where it is an alias of one.
    pub(super) fn follow<'a>(&'a self, node: &'a Node) -> &'a Node {
        match node.value {
            Value::Alias(number) => self.anchors.get(&number).unwrap_or(node),
            _ => node,
        }
    }
}

impl Node {
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn list(&self) -> &[Self] {
        match &self.value {
            Value::List(list) => list,
            _ => &[],
        }
    }

    /// The pairs of a map whose keys are texts.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &Self)> {
        let pairs: &[(Self, Self)] = match &self.value {
            Value::Map(pairs) => pairs,
            _ => &[],
        };
        pairs.iter().filter_map(|(key, value)| Some((key.text()?, value)))
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.pairs().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// Looks at this value and all below it.
    pub(super) fn each<'a>(&'a self, look: &mut dyn FnMut(&'a Self)) {
        look(self);
        match &self.value {
            Value::List(list) => list.iter().for_each(|node| node.each(look)),
            Value::Map(pairs) => pairs.iter().for_each(|(_, node)| node.each(look)),
            _ => {}
        }
    }
}
