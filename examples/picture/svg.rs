//! From the screens of a terminal to one SVG that plays them: no script, no font and no file but itself, so that a page
//! that shows it as an image plays it too. A row is drawn once for the time that it stands. Whoever wants no motion, and
//! a viewer that knows no animation, sees the last screen.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use vt100::{Cell, Color, Screen};

/// What stands for less than this many milliseconds is not drawn.
pub(crate) const SHORTEST: u64 = 80;

/// A cell, and the room around all of them.
const WIDE: f64 = 8.4;
const HIGH: f64 = 19.0;
const AROUND: f64 = 16.0;

/// What the terminal shows from a moment on.
pub(crate) struct Frame {
    pub(crate) at: u64,
    pub(crate) rows: Vec<Row>,
}

pub(crate) type Row = Vec<Run>;

/// Neighbours of one look.
#[derive(Clone, PartialEq)]
pub(crate) struct Run {
    column: u16,
    columns: u16,
    text: String,
    class: String,
}

impl Frame {
    pub(crate) fn of(at: u64, screen: &Screen) -> Self {
        let (rows, columns) = screen.size();
        let cursor = screen.cursor_position();
        let row = |number: u16| {
            let mut runs = Row::new();
            for column in 0..columns.get() {
                if let Some(cell) = screen.cell(number, column) {
                    push(&mut runs, column, cell, cursor == (number, column));
                }
            }
            runs.retain(|run| run.class.contains('c') || !run.text.trim().is_empty());
            runs
        };
        Self { at, rows: (0..rows.get()).map(row).collect() }
    }
}

fn push(runs: &mut Row, column: u16, cell: &Cell, cursor: bool) {
    if cell.is_wide_continuation() {
        return;
    }
    let columns = if cell.is_wide() { 2 } else { 1 };
    let text = if cell.has_contents() { cell.contents() } else { " " };
    // On a letter (the line of progress leaves it there) it would hide that.
    let class = if cursor && text == " " { "c".to_owned() } else { class(cell) };
    match runs.last_mut() {
        // A gap begins a run of its own, so that no space has to keep its width.
        Some(run) if run.class == class && !(text == " " && run.text.ends_with(' ')) => {
            run.columns += columns;
            run.text.push_str(text);
        }
        _ => runs.push(Run { column, columns, text: text.to_owned(), class }),
    }
}

fn class(cell: &Cell) -> String {
    let mut class = String::new();
    // A space looks the same in every colour.
    if cell.has_contents() && cell.contents() != " " {
        if let Color::Idx(number @ 1..=15) = cell.fgcolor() {
            let _ = write!(class, "f{} ", number % 8);
        }
        for (set, name) in [(cell.bold(), "b "), (cell.dim() || cell.fgcolor() == Color::Idx(8), "d ")] {
            class.push_str(if set { name } else { "" });
        }
    }
    class.trim_end().to_owned()
}

/// The picture.
pub(crate) fn draw(frames: &[Frame]) -> String {
    let end = frames.last().map_or(1, |frame| frame.at).max(1);
    let rows = frames.iter().map(|frame| frame.rows.len()).max().unwrap_or_default();
    // When each row begins and ceases to look like that; rows of one time share their animation.
    let mut times: BTreeMap<(u64, u64), String> = BTreeMap::new();
    for number in 0..rows {
        let mut frame = 0;
        while frame < frames.len() {
            let row = &frames[frame].rows[number];
            let same = frames[frame..].iter().take_while(|other| other.rows[number] == *row).count();
            let from = frames[frame].at;
            let to = frames.get(frame + same).map_or(end, |next| next.at);
            if !row.is_empty() {
                text(times.entry((from, to)).or_default(), number, row);
            }
            frame += same;
        }
    }
    let (mut style, mut body) = (String::new(), String::new());
    for (number, ((from, to), texts)) in times.iter().enumerate() {
        let part = |at: u64| f64::from(u32::try_from(at * 100_000 / end).unwrap_or(100_000)) / 1000.0;
        let (from, until) = (part(*from), part(*to));
        let hidden = if *to == end { String::new() } else { format!("{until}%{{opacity:0}}") };
        let before = if from > 0.0 { "0%{opacity:0}" } else { "" };
        let _ = writeln!(style, "@keyframes k{number}{{{before}{from}%{{opacity:1}}{hidden}}}");
        let last = if *to == end { " z" } else { "" };
        let _ = writeln!(body, r#"<g class="k{last}" style="animation-name:k{number}">{texts}</g>"#);
    }
    let (width, height) = (80.0 * WIDE + 2.0 * AROUND, count(rows) * HIGH + 2.0 * AROUND);
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" role="img" aria-label="A terminal: envtool init, add, run and doctor --fix">
<style>
text{{font:14px ui-monospace,SFMono-Regular,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;fill:#1f2328}}
.bg{{fill:#fff;stroke:#d1d9e0}}.b{{font-weight:700}}.d{{opacity:.65}}.c{{fill:#59636e}}
.f1{{fill:#cf222e}}.f2{{fill:#1a7f37}}.f3{{fill:#9a6700}}.f4{{fill:#0969da}}.f5{{fill:#8250df}}.f6{{fill:#1b7c83}}
.k{{opacity:0;animation:{:.2}s step-end infinite}}.z{{opacity:1}}
@media (prefers-color-scheme:dark){{text{{fill:#e6edf3}}.bg{{fill:#0d1117;stroke:#3d444d}}.c{{fill:#9198a1}}
.f1{{fill:#ff7b72}}.f2{{fill:#3fb950}}.f3{{fill:#d29922}}.f4{{fill:#58a6ff}}.f5{{fill:#bc8cff}}.f6{{fill:#39c5cf}}}}
@media (prefers-reduced-motion:reduce){{.k{{animation:none}}}}
{style}</style>
<rect class="bg" x=".5" y=".5" width="{:.0}" height="{:.0}" rx="8"/>
{body}</svg>
"#,
        f64::from(u32::try_from(end).unwrap_or(u32::MAX)) / 1000.0,
        width - 1.0,
        height - 1.0,
    )
}

fn text(out: &mut String, number: usize, row: &Row) {
    let base = AROUND + HIGH * (count(number) + 0.75);
    for run in row {
        let x = AROUND + WIDE * f64::from(run.column);
        if run.class == "c" {
            let _ = write!(
                out,
                r#"<rect class="c" x="{x:.1}" y="{:.1}" width="{WIDE}" height="{HIGH}"/>"#,
                base - 14.0
            );
            continue;
        }
        // No viewer has to keep spaces: those before it have moved it already, single ones inside are everybody's.
        let shown = run.text.trim();
        let before = count(run.text.len() - run.text.trim_start().len());
        let columns = f64::from(run.columns) - count(run.text.len() - shown.len());
        let x = x + before * WIDE;
        let class = if run.class.is_empty() { String::new() } else { format!(r#" class="{}""#, run.class) };
        let _ = write!(
            out,
            r#"<text{class} x="{x:.1}" y="{base:.1}" textLength="{:.1}">{}</text>"#,
            columns * WIDE,
            shown.replace('&', "&amp;").replace('<', "&lt;")
        );
    }
}

/// A small number of things.
fn count(things: usize) -> f64 {
    f64::from(u32::try_from(things).unwrap_or(u32::MAX))
}
