use super::{Drawing, Graph, Kind, Node, Part, ways};

/// `a: b c; b: c` as a part, `own` first where its name is in capitals; the first is the root.
fn part(text: &str) -> Part {
    let rows: Vec<(&str, &str)> = text.split(';').map(|row| row.trim().split_once(':').unwrap()).collect();
    let place = |name: &str| rows.iter().position(|(other, _)| other.trim() == name).unwrap();
    let nodes = rows
        .iter()
        .map(|(name, needs)| Node {
            name: (*name).to_owned(),
            version: "1".to_owned(),
            kind: if name.chars().all(char::is_uppercase) { Kind::Own } else { Kind::Crate },
            registry: Some("cargo"),
            source: None,
            marker: None,
            needs: needs.split_whitespace().map(place).collect(),
        })
        .collect();
    Part::of(Kind::Crate, nodes, vec![0])
}

fn told(part: &Part, target: &str, at_most: usize) -> String {
    let target = part.nodes.iter().position(|node| node.name == target).unwrap();
    let found = ways(part, target, at_most);
    let shown = |way: &Vec<usize>| way.iter().map(|at| part.nodes[*at].name.as_str()).collect::<String>();
    let shown: Vec<String> = found.ways.iter().map(shown).collect();
    format!("{} +{}", shown.join(" "), found.more)
}

#[test]
fn what_was_shown_is_not_shown_again_and_cycles_end() {
    let part = part("a: c b; b: c d; c: d a; d:");
    assert_eq!(
        Drawing::of(&part).lines(usize::MAX),
        "a 1\n├── b 1\n│   ├── c 1\n│   │   ├── a 1 (*)\n│   │   └── d 1\n│   └── d 1\n└── c 1 (*)\n"
    );
    // What was cut off is not taken for shown.
    assert_eq!(Drawing::of(&part).lines(1), "a 1\n├── b 1\n└── c 1\n");
    assert_eq!(Drawing::of(&part).lines(0), "a 1\n");
    let itself = self::part("a: a");
    assert_eq!(Drawing::of(&itself).lines(9), "a 1\n└── a 1 (*)\n");
    let below = part.from(&[3, 1], 0);
    assert_eq!(Drawing::of(&below).lines(9), "d 1\nb 1\n└── d 1\n");
}

#[test]
fn a_chain_without_an_end_is_cut() {
    let nodes: Vec<Node> = (0..50_000)
        .map(|n| Node {
            name: format!("n{n}"),
            version: "1".to_owned(),
            kind: Kind::Crate,
            registry: Some("cargo"),
            source: None,
            marker: None,
            needs: if n < 49_999 { vec![n + 1] } else { Vec::new() },
        })
        .collect();
    let part = Part::of(Kind::Crate, nodes, vec![0]);
    let drawn = Drawing::of(&part).lines(usize::MAX);
    assert!(drawn.lines().count() == 101 && drawn.ends_with("n100 1 …\n"));
    assert_eq!(ways(&part, 49_999, 10).ways[0].len(), 50_000);
    assert_eq!(part.from(&[0], 2).nodes.len(), 3);
}

#[test]
fn the_shortest_ways_from_each_that_is_named_are_told() {
    let part = part("A: b c e; b: d; c: d; d:; e: f; f: d; g: d");
    // Of each crate that is named; not from g, which nobody names.
    assert_eq!(told(&part, "d", 10), "Abd Acd Aefd +0");
    assert_eq!(told(&part, "d", 2), "Abd Acd +1");
    assert_eq!(told(&part, "b", 10), "Ab +0");
    assert_eq!(told(&part, "g", 10), " +0");
    assert_eq!(told(&part, "A", 10), " +0");
    let target = 3;
    assert_eq!(
        Drawing::of_ways(&part, &ways(&part, target, 10).ways).lines(9),
        "A 1\n├── b 1\n│   └── d 1\n├── c 1\n│   └── d 1\n└── e 1\n    └── f 1\n        └── d 1\n"
    );
    // A pin without a package above it is its own way.
    assert_eq!(told(&self::part("a: b; b:"), "a", 10), "a +0");
    // More ways than anybody counts: each pair doubles them.
    let mut text = "a: b0 c0".to_owned();
    for n in 0..70 {
        let next = n + 1;
        text.push_str(&format!("; b{n}: b{next} c{next}; c{n}: b{next} c{next}"));
    }
    text.push_str("; b70: z; c70: z; z:");
    let many = self::part(&text);
    let found = ways(&many, many.nodes.len() - 1, 3);
    assert_eq!((found.ways.len(), found.more), (3, u64::MAX - 3));
}

#[test]
fn a_label_is_one_line_that_no_terminal_obeys() {
    let mut part = part("a:");
    part.nodes[0].source = Some("git x\n\u{1b}[2J".to_owned());
    part.nodes[0].marker = Some("sys\r".to_owned());
    assert_eq!(part.nodes[0].label(), "a 1 (git x\\n\\u{1b}[2J) (where sys\\r)");
}

#[test]
fn a_spec_finds_what_it_means_and_what_is_near() {
    let mut part = part("serde: ; serdes: ; six:");
    part.nodes[1].name = "serde".to_owned();
    part.nodes[0].version = "1.0.0".to_owned();
    part.nodes[1].version = "2.1.0".to_owned();
    part.nodes[2].version = "1.16.0".to_owned();
    part.nodes[2].registry = Some("pypi");
    part.nodes[2].kind = Kind::Module;
    let graph = Graph { parts: vec![part], absent: Vec::new() };
    let found =
        |text: &str| graph.find(text).map(|all| all.into_iter().map(|(_, at)| at).collect::<Vec<_>>());
    for (text, places) in [
        ("serde", vec![0, 1]),
        ("serde@2", vec![1]),
        ("cargo:serde@1.0.0", vec![0]),
        ("six", vec![2]),
        ("six@1.16", vec![2]),
        ("pypi:Six@>=1,<2", vec![2]),
    ] {
        assert_eq!(found(text).unwrap(), places, "{text}");
    }
    for (text, help) in [
        ("serde@3", "there is serde 1.0.0 and 2.1.0"),
        ("sedre", "did you mean serde?"),
        ("pypi:serde", "there is serde 1.0.0 and 2.1.0"),
        ("elephant", "`envtool tree` shows all that the lock holds"),
        ("six@2", "there is six 1.16.0"),
    ] {
        let fault = found(text).unwrap_err();
        assert_eq!(fault.help_text(), Some(help), "{text}");
    }
}
