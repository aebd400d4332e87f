//! The times as a table of Markdown and as a picture. The picture is drawn from the table, so that the two that stand in
//! the README of the example cannot differ (a test holds them to that).

use std::fmt::Write as _;

/// The times of one row, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Row {
    pub(crate) at_once: usize,
    pub(crate) threads: f64,
    pub(crate) envtool: f64,
}

/// The head of the table.
pub(crate) const HEAD: &str =
    "| at a time | threads | | envtool's client | |\n| ---: | ---: | ---: | ---: | ---: |";

/// One line of the table; `first` is the row that the others are compared with.
pub(crate) fn line(row: &Row, first: &Row) -> String {
    let Row { at_once, threads, envtool } = row;
    format!(
        "| {at_once} | {threads:.3} s | {:.1}× | {envtool:.3} s | {:.1}× |",
        first.threads / threads,
        first.envtool / envtool
    )
}

/// The rows of a table, wherever it stands in a text.
pub(crate) fn rows(text: &str) -> Vec<Row> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let seconds = |cell: &str| cell.strip_suffix(" s")?.parse().ok();
        Some(Row {
            at_once: cells.get(1)?.parse().ok()?,
            threads: seconds(cells.get(2)?)?,
            envtool: seconds(cells.get(4)?)?,
        })
    };
    text.lines().filter_map(row).collect()
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 616.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 304.0;

/// The picture: both axes double from mark to mark, so that "twice as many, half the time" is a straight line.
pub(crate) fn svg(rows: &[Row]) -> String {
    let times = || rows.iter().flat_map(|row| [row.threads, row.envtool]);
    let least = times().fold(f64::INFINITY, f64::min).log2().floor();
    let most = times().fold(0.0, f64::max).log2().ceil();
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let steps = number(rows.len().max(2) - 1);
    let x = |at: usize| LEFT + (RIGHT - LEFT) * number(at) / steps;
    let y = |seconds: f64| BOTTOM - (BOTTOM - TOP) * (seconds.log2() - least) / (most - least).max(1.0);
    let mut body = String::new();
    let mut mark = least;
    while mark <= most {
        let (seconds, at) = (mark.exp2(), y(mark.exp2()));
        let text =
            if seconds < 1.0 { format!("{:.0} ms", seconds * 1000.0) } else { format!("{seconds:.0} s") };
        let _ = writeln!(
            body,
            r#"<path class="g" d="M{LEFT} {at:.1}H{RIGHT}"/><text class="n" x="{:.0}" y="{:.1}" text-anchor="end">{text}</text>"#,
            LEFT - 8.0,
            at + 4.0
        );
        mark += 1.0;
    }
    for (at, row) in rows.iter().enumerate() {
        let _ = writeln!(
            body,
            r#"<text class="n" x="{:.1}" y="{:.0}" text-anchor="middle">{}</text>"#,
            x(at),
            BOTTOM + 20.0,
            row.at_once
        );
    }
    let threads: Vec<f64> = rows.iter().map(|row| row.threads).collect();
    let envtool: Vec<f64> = rows.iter().map(|row| row.envtool).collect();
    for (class, seconds) in [("p", threads), ("e", envtool)] {
        let point = |(at, seconds): (usize, &f64)| format!("{:.1},{:.1}", x(at), y(*seconds));
        let points: Vec<String> = seconds.iter().enumerate().map(point).collect();
        let _ = writeln!(body, r#"<polyline class="l {class}" points="{}"/>"#, points.join(" "));
        for point in points.iter().filter_map(|point| point.split_once(',')) {
            let _ = writeln!(body, r#"<circle class="d {class}" cx="{}" cy="{}" r="4"/>"#, point.0, point.1);
        }
    }
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="the time for all archives by how many are fetched at a time">
<style>
text{{font:13px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:#1f2328}}
.n{{fill:#59636e}}.g{{stroke:#d1d9e0}}.l{{fill:none;stroke-width:2}}.l.e{{stroke:#0969da}}.l.p{{stroke:#bc4c00}}.d.e{{fill:#0969da}}.d.p{{fill:#bc4c00}}.bg{{fill:#fff;stroke:#d1d9e0}}
@media (prefers-color-scheme:dark){{text{{fill:#f0f6fc}}.n{{fill:#9198a1}}.g{{stroke:#3d444d}}.l.e{{stroke:#4493f8}}.l.p{{stroke:#db6d28}}.d.e{{fill:#4493f8}}.d.p{{fill:#db6d28}}.bg{{fill:#0d1117;stroke:#3d444d}}}}
</style>
<rect class="bg" x=".5" y=".5" width="{:.0}" height="{:.0}" rx="8"/>
<circle class="d p" cx="72" cy="28" r="4"/><text x="84" y="32">threads, an archive each</text>
<circle class="d e" cx="272" cy="28" r="4"/><text x="284" y="32">envtool's client, one thread</text>
{body}<text class="n" x="{:.0}" y="{:.0}" text-anchor="middle">archives fetched at a time</text>
</svg>
"#,
        WIDTH - 1.0,
        HEIGHT - 1.0,
        f64::midpoint(LEFT, RIGHT),
        HEIGHT - 14.0,
    )
}
