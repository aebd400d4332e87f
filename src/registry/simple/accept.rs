//! Which form of an answer a client takes (RFC 9110, 12.5.1, with the media types of PEP 691).

/// What a mirror asks its upstream for: JSON, or HTML where there is none.
pub const ACCEPT: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `application/vnd.pypi.simple.v1+json`.
    Json,
    /// `text/html`, under that name or that of the API.
    Html,
}

/// A form that is offered: the types that ask for it, the last of them the one that is answered with.
struct Offer {
    format: Format,
    asked: [&'static str; 2],
    answered: &'static str,
}

/// All forms, the one that a server likes best first.
const OFFERS: [Offer; 3] = [
    Offer {
        format: Format::Json,
        asked: ["application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.latest+json"],
        answered: "application/vnd.pypi.simple.v1+json",
    },
    Offer {
        format: Format::Html,
        asked: ["application/vnd.pypi.simple.v1+html", "application/vnd.pypi.simple.latest+html"],
        answered: "application/vnd.pypi.simple.v1+html; charset=utf-8",
    },
    Offer { format: Format::Html, asked: ["text/html", "text/html"], answered: "text/html; charset=utf-8" },
];

impl Format {
    /// The form to answer in, and its `Content-Type`, for what a client sent as `Accept`. `None`: it takes nothing
    /// that there is (406).
    ///
    /// Who says nothing, or only that everything will do, gets HTML, as before there was JSON.
    pub fn of_accept(accept: Option<&str>) -> Option<(Self, &'static str)> {
        let ranges: Vec<Range> = accept.unwrap_or_default().split(',').filter_map(Range::read).collect();
        let html = || OFFERS.iter().next_back();
        let best = if ranges.is_empty() && accept.is_none_or(|accept| accept.trim().is_empty()) {
            html()
        } else {
            let mut best: Option<((u16, u8, bool), &Offer)> = None;
            for offer in &OFFERS {
                // The most specific range decides, whatever its weight.
                let by = ranges
                    .iter()
                    .filter_map(|range| Some((range.covers(offer)?, range.weight)))
                    .max_by_key(|(specific, _)| *specific);
                let Some((specific, weight)) = by.filter(|(_, weight)| *weight > 0) else { continue };
                let plain = specific == 0 && offer.asked[0] == "text/html";
                let rank = (weight, specific, plain);
                if best.as_ref().is_none_or(|(other, _)| rank > *other) {
                    best = Some((rank, offer));
                }
            }
            best.map(|(_, offer)| offer)
        };
        best.map(|offer| (offer.format, offer.answered))
    }
}

/// One element of `Accept`.
struct Range {
    /// In small letters, without parameters.
    media: String,
    /// Thousandths.
    weight: u16,
}

impl Range {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(';');
        let media = parts.next()?.trim().to_ascii_lowercase();
        let weight = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| thousandths(value.trim()))
        });
        (!media.is_empty()).then_some(Self { media, weight: weight.unwrap_or(Some(1000))? })
    }

    /// How specific it is where it covers the offer.
    fn covers(&self, offer: &Offer) -> Option<u8> {
        let kind = offer.asked[0].split('/').next().unwrap_or_default();
        if offer.asked.contains(&self.media.as_str()) {
            Some(2)
        } else if self.media.strip_suffix("/*") == Some(kind) {
            Some(1)
        } else {
            (self.media == "*/*").then_some(0)
        }
    }
}

/// A weight: `1`, `0.5`, `0.001`, three digits at most.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    let part: u16 = digits.then(|| format!("{part:0<3}").parse().ok()).flatten()?;
    match whole {
        "0" => Some(part),
        "1" if part == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{ACCEPT, Format};

    const JSON: &str = "application/vnd.pypi.simple.v1+json";

    #[test]
    fn clients_get_the_form_that_they_ask_for() {
        for (accept, format, content_type) in [
            // pip, uv, a browser, curl.
            (
                "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01",
                Format::Json,
                JSON,
            ),
            (ACCEPT, Format::Json, JSON),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                Format::Html,
                "text/html; charset=utf-8",
            ),
            ("*/*", Format::Html, "text/html; charset=utf-8"),
            ("", Format::Html, "text/html; charset=utf-8"),
            ("application/vnd.pypi.simple.latest+json", Format::Json, JSON),
            ("Application/Vnd.PyPI.Simple.V1+JSON ; Q=1.000", Format::Json, JSON),
            (
                "application/vnd.pypi.simple.latest+html",
                Format::Html,
                "application/vnd.pypi.simple.v1+html; charset=utf-8",
            ),
            ("application/*", Format::Json, JSON),
            ("text/*", Format::Html, "text/html; charset=utf-8"),
            ("application/vnd.pypi.simple.v1+json, */*", Format::Json, JSON),
            ("application/vnd.pypi.simple.v1+json;q=0, */*", Format::Html, "text/html; charset=utf-8"),
            ("text/html;q=0, */*;q=0.1", Format::Json, JSON),
            (
                "text/html;q=0.5, application/vnd.pypi.simple.v1+json;q=0.4",
                Format::Html,
                "text/html; charset=utf-8",
            ),
            (
                "application/vnd.pypi.simple.v2+json, text/html;level=1;q=0.2",
                Format::Html,
                "text/html; charset=utf-8",
            ),
        ] {
            assert_eq!(Format::of_accept(Some(accept)), Some((format, content_type)), "{accept}");
        }
        assert_eq!(Format::of_accept(None), Some((Format::Html, "text/html; charset=utf-8")));
    }

    #[test]
    fn who_takes_nothing_of_it_gets_nothing() {
        for accept in [
            "application/vnd.pypi.simple.v2+json",
            "application/json",
            "image/png",
            "*/*;q=0",
            "text/html;q=banana",
            "text/html;q=1.5",
            ",,;q=1",
        ] {
            assert_eq!(Format::of_accept(Some(accept)), None, "{accept}");
        }
    }
}
