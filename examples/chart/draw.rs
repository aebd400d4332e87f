//! From the text of the README to the chart. Nothing is chosen by hand: every row below "Speed" that says seconds for
//! envtool and for a peer is a pair of bars, those that envtool loses too. A table is a panel with a scale of its own.

use std::fmt::Write as _;

/// What the columns are called that are drawn.
const HEAD: [&str; 4] = ["input", "what", "envtool", "peer"];

const WIDTH: f64 = 760.0;
/// Where bars begin, and how long the longest of a panel is.
const LEFT: f64 = 16.0;
const LONGEST: f64 = 560.0;
const BAR: f64 = 14.0;
/// From one pair to the next: a line of text, two bars, a gap.
const PAIR: f64 = 58.0;
/// What lies between two panels.
const GAP: f64 = 18.0;

struct Pair {
    title: String,
    envtool: f64,
    peer: f64,
    peer_name: String,
}

/// The whole SVG.
pub(crate) fn chart(readme: &str) -> String {
    let panels = panels(readme);
    let mut body = String::new();
    let mut y = 56.0;
    for (title, pairs) in &panels {
        let longest = pairs.iter().map(|pair| pair.envtool.max(pair.peer)).fold(0.0, f64::max);
        let _ = writeln!(body, r#"<text class="b" x="{LEFT}" y="{y:.0}">{}</text>"#, escaped(title));
        y += 16.0;
        for pair in pairs {
            draw(&mut body, pair, LONGEST / longest, y);
            y += PAIR;
        }
        y += GAP;
    }
    let height = y - GAP;
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0}" width="{WIDTH}" height="{height:.0}" role="img" aria-label="envtool beside its peers, in seconds">
<style>
text{{font:13px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:#1f2328}}
.b{{font-weight:700;font-size:15px}}.n{{fill:#59636e}}.e{{fill:#0969da}}.p{{fill:#b6bdc6}}.bg{{fill:#fff;stroke:#d1d9e0}}
@media (prefers-color-scheme:dark){{text{{fill:#f0f6fc}}.n{{fill:#9198a1}}.e{{fill:#4493f8}}.p{{fill:#59636e}}.bg{{fill:#0d1117;stroke:#3d444d}}}}
</style>
<rect class="bg" x=".5" y=".5" width="{:.0}" height="{:.0}" rx="8"/>
<rect class="e" x="{LEFT}" y="16" width="12" height="12"/><text x="34" y="27">envtool</text>
<rect class="p" x="100" y="16" width="12" height="12"/><text x="118" y="27">the other one; seconds, shorter is better, each group with a scale of its own</text>
{body}</svg>
"#,
        WIDTH - 1.0,
        height - 1.0,
    )
}

/// One pair of bars whose title stands at `y`.
fn draw(out: &mut String, pair: &Pair, scale: f64, y: f64) {
    let _ = writeln!(out, r#"<text x="{LEFT}" y="{:.0}">{}</text>"#, y + 8.0, escaped(&pair.title));
    for (row, (class, seconds, name)) in
        [("e", pair.envtool, ""), ("p", pair.peer, pair.peer_name.as_str())].into_iter().enumerate()
    {
        let top = y + 14.0 + (BAR + 2.0) * if row == 0 { 0.0 } else { 1.0 };
        let wide = (seconds * scale).max(1.0);
        let _ = writeln!(
            out,
            r#"<rect class="{class}" x="{LEFT}" y="{top:.0}" width="{wide:.1}" height="{BAR}" rx="2"/>"#
        );
        let label = format!("{seconds:.2} s");
        let _ = writeln!(
            out,
            r#"<text class="n" x="{:.1}" y="{:.0}">{label}</text>"#,
            LEFT + wide + 6.0,
            top + BAR - 3.0
        );
        if !name.is_empty() {
            let _ = writeln!(
                out,
                r#"<text class="n" x="{:.0}" y="{:.0}" text-anchor="end">{}</text>"#,
                WIDTH - 16.0,
                y + 8.0,
                escaped(&format!("beside {name}"))
            );
        }
    }
}

/// The tables below "Speed" that have such rows, each under the word for what it is about.
fn panels(readme: &str) -> Vec<(String, Vec<Pair>)> {
    let speed = readme.split("\n## ").find(|part| part.starts_with("Speed\n")).unwrap_or_default();
    let mut panels: Vec<(String, Vec<Pair>)> = Vec::new();
    let mut begun = false;
    for line in speed.lines() {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        if !line.starts_with('|') || cells.len() < HEAD.len() {
            begun = false;
        } else if cells[..HEAD.len()] == HEAD {
            begun = true;
            panels.push((String::new(), Vec::new()));
        } else if let (true, Some(pair), Some((_, pairs))) = (begun, pair(&cells), panels.last_mut()) {
            pairs.push(pair);
        }
    }
    panels.retain(|(_, pairs)| !pairs.is_empty());
    for (title, pairs) in &mut panels {
        let peers = |word: &str| pairs.iter().any(|pair| pair.peer_name.contains(word));
        title.push_str(match () {
            () if peers("cargo install") => "Tools",
            () if peers("cargo") => "Crates",
            () if peers("pip") => "Python",
            () => "Others",
        });
    }
    panels
}

/// A row with seconds on both sides.
fn pair(cells: &[&str]) -> Option<Pair> {
    let (peer_name, peer) = cells[3].rsplit_once(": ")?;
    Some(Pair {
        title: format!("{}, {}", plain(cells[1]), cells[0]),
        envtool: seconds(cells[2])?,
        peer: seconds(peer)?,
        peer_name: plain(peer_name),
    })
}

/// The 1.46 of `1.46 s (1.22–1.49)`.
fn seconds(cell: &str) -> Option<f64> {
    let (number, rest) = cell.split_once(' ')?;
    (rest == "s" || rest.starts_with("s ")).then(|| number.parse().ok())?
}

fn plain(markdown: &str) -> String {
    markdown.replace('`', "")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
