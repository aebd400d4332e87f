//! Why a package is there: the shortest ways that lead to it from what the project names itself.

use std::collections::VecDeque;

use super::{Kind, Part};

/// The ways to one package.
#[derive(Debug, PartialEq, Eq)]
pub struct Ways {
    /// Each from what the project names itself to the package; the shortest first.
    pub ways: Vec<Vec<usize>>,
    /// How many there are besides these.
    pub more: u64,
}

/// The shortest ways to `target` from each of what the project names itself, no more than `at_most` of them.
///
/// In a cargo project a way begins with a package of the project, and the shortest are looked for from each crate that
/// this names: all crates that it names and that lead to `target` are told, not only the nearest one.
pub fn ways(part: &Part, target: usize, at_most: usize) -> Ways {
    let distances = distances(part, target);
    let counts = counts(part, &distances, target);
    let mut found = Ways { ways: Vec::new(), more: 0 };
    for begin in begins(part, target, &distances) {
        let Some(from) = begin.last() else { continue };
        let before = found.ways.len();
        walk(part, &distances, begin.clone(), at_most, &mut found.ways);
        let taken = (found.ways.len() - before) as u64;
        found.more = found.more.saturating_add(counts[*from].saturating_sub(taken));
    }
    found
}

/// How many steps it is from each package to `target`; `None` where no way leads there.
fn distances(part: &Part, target: usize) -> Vec<Option<usize>> {
    let mut needed_by = vec![Vec::new(); part.nodes.len()];
    for (at, node) in part.nodes.iter().enumerate() {
        node.needs.iter().for_each(|need| needed_by[*need].push(at));
    }
    let mut distances = vec![None; part.nodes.len()];
    distances[target] = Some(0);
    let mut next = VecDeque::from([(target, 0)]);
    while let Some((at, steps)) = next.pop_front() {
        for above in &needed_by[at] {
            if distances[*above].is_none() {
                distances[*above] = Some(steps + 1);
                next.push_back((*above, steps + 1));
            }
        }
    }
    distances
}

/// How many shortest ways lead from each package to `target`.
fn counts(part: &Part, distances: &[Option<usize>], target: usize) -> Vec<u64> {
    let mut counts = vec![0_u64; part.nodes.len()];
    let mut order: Vec<(usize, usize)> =
        distances.iter().enumerate().filter_map(|(at, steps)| Some(((*steps)?, at))).collect();
    order.sort_unstable();
    for (_, at) in order {
        counts[at] = match at == target {
            true => 1,
            false => nearer(part, distances, at).fold(0, |sum, need| sum.saturating_add(counts[need])),
        };
    }
    counts
}

/// What a package needs that is one step nearer.
fn nearer<'p>(
    part: &'p Part,
    distances: &'p [Option<usize>],
    at: usize,
) -> impl DoubleEndedIterator<Item = usize> + 'p {
    let wanted = distances[at].and_then(|steps| steps.checked_sub(1));
    let needs = part.nodes[at].needs.iter().copied();
    needs.filter(move |need| wanted.is_some() && distances[*need] == wanted)
}

/// How the ways begin, the shortest first.
fn begins(part: &Part, target: usize, distances: &[Option<usize>]) -> Vec<Vec<usize>> {
    let own = |at: &usize| part.nodes[*at].kind == Kind::Own;
    let mut begins: Vec<Vec<usize>> =
        part.roots.iter().filter(|root| !own(root)).map(|root| vec![*root]).collect();
    for member in (0..part.nodes.len()).filter(own) {
        let names = |need: &usize| if own(&target) { *need == target } else { !own(need) };
        let needs = part.nodes[member].needs.iter().copied().filter(|need| *need != member);
        begins.extend(needs.filter(names).map(|need| vec![member, need]));
    }
    let steps = |begin: &Vec<usize>| begin.last().and_then(|at| distances[*at]);
    begins.retain(|begin| steps(begin).is_some());
    begins.sort_by_key(|begin| {
        let names: Vec<&str> = begin.iter().map(|at| part.nodes[*at].name.as_str()).collect();
        (steps(begin), names)
    });
    begins
}

/// Takes the shortest ways that begin so, as long as there is room.
fn walk(
    part: &Part,
    distances: &[Option<usize>],
    begin: Vec<usize>,
    at_most: usize,
    found: &mut Vec<Vec<usize>>,
) {
    let first = begin.len();
    let mut way = begin;
    let Some(at) = way.last().copied() else { return };
    // What is still to be tried, with how long the way to it is.
    let mut next: Vec<(usize, usize)> = vec![(first, at)];
    while let Some((length, at)) = next.pop() {
        if found.len() == at_most {
            return;
        }
        way.truncate(length - 1);
        way.push(at);
        if distances[at] == Some(0) {
            found.push(way.clone());
        } else {
            next.extend(nearer(part, distances, at).rev().map(|need| (length + 1, need)));
        }
    }
}
