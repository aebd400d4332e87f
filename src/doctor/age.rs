//! Since when something lies on the machine, beside the time at which the environment was made.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::fault::Result;
use crate::fs;

/// Since when a file lies there, in words; nothing where that is not known.
pub(super) fn of_file(file: &Path, made: u64) -> Result<String> {
    let modified = fs::metadata(file)?.and_then(|about| about.modified().ok());
    Ok(modified.map(|time| since(time, made)).unwrap_or_default())
}

/// Since when something lies there, in words that go on a sentence.
pub(super) fn since(time: SystemTime, made: u64) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    // The time of the environment is a whole second: what came in the same one was most likely the reason for it.
    let when = if seconds <= made { "before" } else { "after" };
    format!(", there since {} by the file's time, {when} this environment was made", day(time))
}

/// The day of a time, as YYYY-MM-DD in UTC (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn day(time: SystemTime) -> String {
    let days = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::day;

    #[test]
    fn days_are_those_of_the_calendar() {
        let at = |seconds: u64| day(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01");
        assert_eq!(at(951_782_400), "2000-02-29");
        assert_eq!(at(1_767_225_599), "2025-12-31");
        assert_eq!(at(1_795_392_000), "2026-11-23");
    }
}
