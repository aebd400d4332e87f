//! What fetching many archives at a time brings: `cargo run --example concurrency [FILE.svg]`. See README.md
//! beside this file.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "it measures and draws, and is no part of envtool"
)]

mod draw;
mod fetching;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use draw::Row;
use fetching::{Mirror, Result, archives, as_envtool, with_threads};

const ARCHIVES: usize = 64;
const BYTES: usize = 64 << 10;
const LATENCY: Duration = Duration::from_millis(20);
const AT_ONCE: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
/// Of so many runs the middle one counts.
const RUNS: usize = 5;

fn main() -> Result<()> {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/concurrency/times.svg");
    let picture = std::env::args_os().nth(1).map_or_else(own, PathBuf::from);
    let mirror = Mirror::start(archives(ARCHIVES, BYTES), LATENCY)?;
    println!(
        "{ARCHIVES} archives of {} KiB, {} ms until each answer, the middle of {RUNS} runs",
        BYTES >> 10,
        LATENCY.as_millis()
    );
    println!("\n{}", draw::HEAD);
    let mut rows: Vec<Row> = Vec::new();
    for at_once in AT_ONCE {
        let row = Row {
            at_once,
            threads: middle(|| with_threads(&mirror, at_once))?,
            envtool: middle(|| {
                let folder = tempfile::tempdir()?;
                as_envtool(&mirror, at_once, folder.path())
            })?,
        };
        let most = mirror.most_at_once();
        if most > at_once {
            return Err(format!("{most} requests were under way at once, and not {at_once}").into());
        }
        rows.push(row);
        println!("{}", draw::line(&row, &rows[0]));
    }
    // From what was printed, so that both say the same.
    let table: String = rows.iter().flat_map(|row| [draw::line(row, &rows[0]), "\n".to_owned()]).collect();
    fs::write(&picture, draw::svg(&draw::rows(&table)))?;
    println!("\ndrawn to {}", picture.display());
    Ok(())
}

/// The middle of the seconds that some runs take, as exact as it is shown.
fn middle(work: impl Fn() -> Result<()>) -> Result<f64> {
    let run = || {
        let since = Instant::now();
        work().map(|()| since.elapsed().as_secs_f64())
    };
    let mut seconds = (0..RUNS).map(|_| run()).collect::<Result<Vec<f64>>>()?;
    seconds.sort_by(f64::total_cmp);
    Ok((seconds[RUNS / 2] * 1000.0).round() / 1000.0)
}
