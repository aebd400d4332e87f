//! Drawing a graph as lines: as `cargo tree` does it, with the same box characters.

use super::Part;

/// The most steps that are drawn: what begins each line grows with them, and a lock may come from a stranger.
const DEEPEST: usize = 100;

/// What is drawn: labels, and what stands below each.
#[derive(Debug, Default)]
pub struct Drawing {
    labels: Vec<String>,
    below: Vec<Vec<usize>>,
    roots: Vec<usize>,
}

impl Drawing {
    /// The packages of a part, below its roots.
    pub fn of(part: &Part) -> Self {
        Self {
            labels: part.nodes.iter().map(super::Node::label).collect(),
            below: part.nodes.iter().map(|node| node.needs.clone()).collect(),
            roots: part.roots.clone(),
        }
    }

    /// Ways through a part, each from its first package down; where two begin alike, that stands once.
    pub fn of_ways(part: &Part, ways: &[Vec<usize>]) -> Self {
        let (mut drawing, mut nodes) = (Self::default(), Vec::new());
        for way in ways {
            let mut above: Option<usize> = None;
            for node in way {
                let beside = above.map_or(&drawing.roots, |above| &drawing.below[above]);
                let known = beside.iter().copied().find(|at| nodes[*at] == *node);
                let at = known.unwrap_or_else(|| {
                    let new = nodes.len();
                    nodes.push(*node);
                    drawing.labels.push(part.nodes[*node].label());
                    drawing.below.push(Vec::new());
                    match above {
                        Some(above) => drawing.below[above].push(new),
                        None => drawing.roots.push(new),
                    }
                    new
                });
                above = Some(at);
            }
        }
        drawing
    }

    /// The lines, no more than `depth` steps down. What was shown with all below it is not shown so again: `(*)` stands
    /// for it.
    pub fn lines(&self, depth: usize) -> String {
        let mut text = String::new();
        let mut shown = vec![false; self.labels.len()];
        // What stands before a line: for each step above it, whether that was the last of its kind.
        let mut lasts: Vec<bool> = Vec::new();
        let mut next: Vec<(usize, usize, bool)> =
            self.roots.iter().rev().map(|root| (*root, 0, true)).collect();
        while let Some((at, steps, is_last)) = next.pop() {
            lasts.truncate(steps.saturating_sub(1));
            text.extend(lasts.iter().map(|last| if *last { "    " } else { "│   " }));
            if steps > 0 {
                text.push_str(if is_last { "└── " } else { "├── " });
                lasts.push(is_last);
            }
            text.push_str(&self.labels[at]);
            let below = &self.below[at];
            if !below.is_empty() && shown[at] {
                text.push_str(" (*)");
            } else if !below.is_empty() && steps == DEEPEST {
                text.push_str(" …");
            } else if steps < depth {
                shown[at] = true;
                let last = below.len().saturating_sub(1);
                next.extend(below.iter().enumerate().rev().map(|(n, one)| (*one, steps + 1, n == last)));
            }
            text.push('\n');
        }
        text
    }
}
