//! A registry on this machine: cargo's sparse index and its archives over plain HTTP/1.1, one thread a connection.
//!
//! It logs what it was asked, and answers wrongly when told to: [`Registry::fault`]. Its paths:
//! `/index/config.json`, `/index/al/ph/alpha`, `/dl/alpha/1.0.0/download`; the index also below `/crates`, and what
//! was given to it below `/pypi`, where an `envtool serve` has them.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::crates::{CrateBuilder, sha256};

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    /// The status it was answered with; 0 where the answer was no answer.
    pub(crate) status: u16,
}

/// What is done to an answer.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// This status, with an empty body.
    Status(u16),
    /// 429 with `Retry-After: SECONDS`.
    TooMany(u64),
    /// The right head, then only so many bytes of the body, then the end of the connection.
    Cut(usize),
    /// These bytes in place of the body.
    Body(Vec<u8>),
    /// The right body, `bytes` at a time with a pause after each.
    Drip { bytes: usize, pause: Duration },
    /// A body that never ends.
    Endless,
    /// 302 to this address. A loop is a redirect to the same path.
    Redirect(String),
    /// The right body under this `Content-Length`.
    Length(usize),
    /// The connection ends without an answer.
    Refuse,
    /// The right answer once so many requests wait for theirs at the same time; none where they never do.
    Meet(Arc<Gate>),
    /// The right head and so many bytes of the body, the rest once the gate opens.
    Hold(usize, Arc<Gate>),
}

/// Where requests wait for one another.
#[derive(Debug)]
pub(crate) struct Gate {
    missing: Mutex<usize>,
    met: Condvar,
}

impl Gate {
    /// One that opens for so many.
    pub(crate) fn new(count: usize) -> Arc<Self> {
        Arc::new(Self { missing: Mutex::new(count), met: Condvar::new() })
    }

    /// Waits for all; whether they came before patience ended.
    pub(crate) fn pass(&self) -> bool {
        let mut missing = self.missing.lock().unwrap();
        *missing = missing.saturating_sub(1);
        self.met.notify_all();
        let waited = self.met.wait_timeout_while(missing, Duration::from_secs(20), |missing| *missing > 0);
        !waited.unwrap().1.timed_out()
    }
}

struct Rule {
    pattern: String,
    left: Option<usize>,
    fault: Fault,
}

#[derive(Default)]
struct State {
    index: BTreeMap<String, Vec<Value>>,
    archives: BTreeMap<String, Vec<u8>>,
    /// What [`Registry::serve`] was given.
    pages: BTreeMap<String, Vec<(String, Vec<u8>)>>,
    /// What `Authorization` may say; where there is none, it says nothing.
    tokens: Vec<String>,
    rules: Vec<Rule>,
    requests: Vec<Request>,
    connections: Vec<TcpStream>,
    stopped: bool,
}

/// A running registry; it stops when it is dropped.
pub(crate) struct Registry {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    acceptor: Option<thread::JoinHandle<()>>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // A connection's thread that panicked must not hide what its test has to say.
    state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Registry {
    /// Starts an empty registry on a free port.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let acceptor = thread::spawn(move || {
            for stream in listener.incoming() {
                let mut held = lock(&shared);
                if held.stopped {
                    return;
                }
                let Ok(stream) = stream else { continue };
                held.connections.push(stream.try_clone().unwrap());
                drop(held);
                let shared = Arc::clone(&shared);
                // A client that goes away ends its thread with an error; that is its affair.
                thread::spawn(move || converse(stream, address, &shared));
            }
        });
        Self { address, state, acceptor: Some(acceptor) }
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The index as cargo's configuration names it: `sparse+http://127.0.0.1:PORT/index/`.
    pub(crate) fn index(&self) -> String {
        format!("sparse+{}/index/", self.url())
    }

    /// Publishes a crate: its row in the index and its archive.
    pub(crate) fn publish(&self, krate: &CrateBuilder) {
        let bytes = krate.bytes();
        let row = krate.row(&bytes);
        let mut state = lock(&self.state);
        state.archives.insert(archive_path(krate.name(), krate.version()), bytes);
        state.index.entry(index_path(krate.name())).or_default().push(row);
    }

    /// Answers `path` with the first of these, content type and body, that the client accepts; where it accepts none,
    /// with the last.
    pub(crate) fn serve(&self, path: &str, pages: &[(&str, Vec<u8>)]) {
        let pages = pages.iter().map(|(kind, body)| ((*kind).to_owned(), body.clone())).collect();
        lock(&self.state).pages.insert(path.to_owned(), pages);
    }

    /// Marks a published version as yanked.
    pub(crate) fn yank(&self, name: &str, version: &str) {
        let mut state = lock(&self.state);
        let rows = state.index.get_mut(&index_path(name)).unwrap();
        let row = rows.iter_mut().find(|row| row["vers"] == version).unwrap();
        row["yanked"] = json!(true);
    }

    /// Takes a published version back, with its archive; the package goes with its last one.
    pub(crate) fn remove(&self, name: &str, version: &str) {
        let mut state = lock(&self.state);
        state.archives.remove(&archive_path(name, version)).unwrap();
        let path = index_path(name);
        let rows = state.index.get_mut(&path).unwrap();
        rows.retain(|row| row["vers"] != version);
        if rows.is_empty() {
            state.index.remove(&path);
        }
    }

    /// The rows of a package as they are sent.
    pub(crate) fn rows(&self, name: &str) -> Vec<u8> {
        rows(&lock(&self.state).index[&index_path(name)])
    }

    /// From here on there is nothing at what [`Registry::serve`] was given for `path`.
    pub(crate) fn withdraw(&self, path: &str) {
        lock(&self.state).pages.remove(path);
    }

    /// From now on every request needs `Authorization: TOKEN`, or another one that was named so, and config.json says so.
    pub(crate) fn require_token(&self, token: &str) {
        lock(&self.state).tokens.push(token.to_owned());
    }

    /// From now on no token but this one is taken.
    pub(crate) fn change_token(&self, token: &str) {
        lock(&self.state).tokens = vec![token.to_owned()];
    }

    /// Every answer for a path that contains `pattern` is spoiled so. The rule that was made first counts.
    pub(crate) fn fault(&self, pattern: &str, fault: Fault) {
        self.rule(pattern, None, fault);
    }

    /// The next `times` answers for a path that contains `pattern` are spoiled so; those after are right.
    pub(crate) fn fault_times(&self, times: usize, pattern: &str, fault: Fault) {
        self.rule(pattern, Some(times), fault);
    }

    fn rule(&self, pattern: &str, left: Option<usize>, fault: Fault) {
        lock(&self.state).rules.push(Rule { pattern: pattern.to_owned(), left, fault });
    }

    /// Takes every fault away.
    pub(crate) fn mend(&self) {
        lock(&self.state).rules.clear();
    }

    /// What was asked so far, in the order of arrival.
    pub(crate) fn requests(&self) -> Vec<Request> {
        lock(&self.state).requests.clone()
    }

    /// The requests whose path contains `pattern`.
    pub(crate) fn asked(&self, pattern: &str) -> Vec<Request> {
        let mut found = self.requests();
        found.retain(|request| request.path.contains(pattern));
        found
    }

    /// Forgets what was asked.
    pub(crate) fn forget(&self) {
        lock(&self.state).requests.clear();
    }

    /// Ends every connection and refuses new ones from here on.
    pub(crate) fn stop(&mut self) {
        let Some(acceptor) = self.acceptor.take() else {
            return;
        };
        let connections = {
            let mut state = lock(&self.state);
            state.stopped = true;
            std::mem::take(&mut state.connections)
        };
        for connection in connections {
            // It may be closed already.
            let _ = connection.shutdown(Shutdown::Both);
        }
        // Wakes the acceptor, which then drops the listener.
        let _ = TcpStream::connect(self.address);
        acceptor.join().unwrap();
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The rows of a package, a line each.
fn rows(rows: &[Value]) -> Vec<u8> {
    rows.iter().flat_map(|row| [row.to_string(), "\n".to_owned()]).collect::<String>().into_bytes()
}

/// Where a crate lies in the index (cargo reference, "Index files").
fn index_path(name: &str) -> String {
    let name = name.to_lowercase();
    match name.len() {
        1 | 2 => format!("/index/{}/{name}", name.len()),
        3 => format!("/index/3/{}/{name}", &name[..1]),
        _ => format!("/index/{}/{}/{name}", &name[..2], &name[2..4]),
    }
}

fn archive_path(name: &str, version: &str) -> String {
    format!("/dl/{name}/{version}/download")
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn head(&self, length: Option<usize>) -> String {
        use std::fmt::Write as _;
        let mut text = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            write!(text, "{name}: {value}\r\n").unwrap();
        }
        if let Some(length) = length {
            write!(text, "content-length: {length}\r\n").unwrap();
        } else {
            text.push_str("connection: close\r\n");
        }
        text + "\r\n"
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        302 => "Found",
        304 => "Not Modified",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        _ => "Status",
    }
}

/// Answers one connection until it ends.
fn converse(stream: TcpStream, address: SocketAddr, state: &Mutex<State>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut out = stream;
    while let Some(mut request) = read_request(&mut reader)? {
        let (answer, fault) = {
            let mut held = lock(state);
            let fault = take_fault(&mut held.rules, &request.path);
            let answer = spoil_head(answer(&held, address, &request), fault.as_ref());
            request.status = if matches!(fault, Some(Fault::Refuse)) { 0 } else { answer.status };
            held.requests.push(request.clone());
            (answer, fault)
        };
        if !send(&mut out, &answer, fault.as_ref(), request.method == "HEAD")? {
            return out.shutdown(Shutdown::Both);
        }
    }
    Ok(())
}

/// Reads one request; `None` where the client has gone.
fn read_request(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, line));
    };
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.insert(name.trim().to_lowercase(), value.trim().to_owned());
    }
    Ok(Some(Request { method, path, headers, status: 0 }))
}

fn take_fault(rules: &mut [Rule], path: &str) -> Option<Fault> {
    let rule = rules.iter_mut().find(|rule| path.contains(&rule.pattern) && rule.left != Some(0))?;
    if let Some(left) = &mut rule.left {
        *left -= 1;
    }
    Some(rule.fault.clone())
}

/// The right answer.
fn answer(state: &State, address: SocketAddr, request: &Request) -> Answer {
    // As a mirror has them below its address.
    let path = ["/crates", "/pypi"].iter().find_map(|part| request.path.strip_prefix(part));
    let path = path.unwrap_or(&request.path);
    let said = request.headers.get("authorization");
    if !state.tokens.is_empty() && !said.is_some_and(|said| state.tokens.contains(said)) {
        return Answer::new(401, "a token is needed\n")
            .header("www-authenticate", format!("Cargo login_url=\"http://{address}/me\""));
    }
    if let Some(pages) = state.pages.get(path) {
        let accepted = request.headers.get("accept").map_or("", String::as_str);
        let page = pages.iter().find(|(kind, _)| accepted.contains(kind.as_str())).or(pages.last());
        let (kind, body) = page.cloned().unwrap_or_default();
        return tagged(body, request).header("content-type", kind);
    }
    let body = if path == "/index/config.json" {
        let mut config = json!({"dl": format!("http://{address}/dl"), "api": format!("http://{address}")});
        if !state.tokens.is_empty() {
            config["auth-required"] = json!(true);
        }
        config.to_string().into_bytes()
    } else if let Some(found) = state.index.get(path) {
        rows(found)
    } else if let Some(archive) = state.archives.get(path) {
        return Answer::new(200, archive.clone()).header("content-type", "application/gzip");
    } else {
        return Answer::new(404, "there is nothing here\n");
    };
    tagged(body, request)
}

/// A body with its tag, or without one where the client has it.
fn tagged(body: Vec<u8>, request: &Request) -> Answer {
    let etag = format!("\"{}\"", &sha256(&body)[..16]);
    if request.headers.get("if-none-match") == Some(&etag) {
        Answer::new(304, "").header("etag", etag)
    } else {
        Answer::new(200, body).header("etag", etag)
    }
}

/// Does to an answer what a fault does to its head or to the whole of its body.
fn spoil_head(answer: Answer, fault: Option<&Fault>) -> Answer {
    match fault {
        Some(Fault::Status(status)) => Answer::new(*status, ""),
        Some(Fault::TooMany(seconds)) => Answer::new(429, "").header("retry-after", seconds.to_string()),
        Some(Fault::Redirect(to)) => Answer::new(302, "").header("location", to.clone()),
        Some(Fault::Body(bytes)) => Answer::new(200, bytes.clone()),
        _ => answer,
    }
}

/// Sends an answer; `false` where the connection must end after it.
fn send(out: &mut TcpStream, answer: &Answer, fault: Option<&Fault>, head_only: bool) -> io::Result<bool> {
    let length = answer.body.len();
    match fault {
        Some(Fault::Refuse) => return Ok(false),
        Some(Fault::Meet(gate)) if !gate.pass() => return Ok(false),
        Some(Fault::Endless) => {
            out.write_all(answer.head(None).as_bytes())?;
            let block = [b'x'; 16 * 1024];
            // Ends when the client, or `Registry::stop`, closes the connection.
            loop {
                out.write_all(&block)?;
            }
        }
        Some(Fault::Cut(bytes)) => {
            out.write_all(answer.head(Some(length)).as_bytes())?;
            out.write_all(&answer.body[..length.min(*bytes)])?;
            return Ok(false);
        }
        Some(Fault::Hold(bytes, gate)) => {
            let (first, rest) = answer.body.split_at(length.min(*bytes));
            out.write_all(answer.head(Some(length)).as_bytes())?;
            out.write_all(first)?;
            if !gate.pass() {
                return Ok(false);
            }
            out.write_all(rest)?;
        }
        Some(Fault::Length(wrong)) => {
            out.write_all(answer.head(Some(*wrong)).as_bytes())?;
            out.write_all(&answer.body)?;
            return Ok(false);
        }
        Some(Fault::Drip { bytes, pause }) => {
            out.write_all(answer.head(Some(length)).as_bytes())?;
            for piece in answer.body.chunks((*bytes).max(1)) {
                out.write_all(piece)?;
                thread::sleep(*pause);
            }
        }
        _ if answer.status == 304 => out.write_all(answer.head(Some(0)).as_bytes())?,
        _ => {
            out.write_all(answer.head(Some(length)).as_bytes())?;
            if !head_only {
                out.write_all(&answer.body)?;
            }
        }
    }
    Ok(true)
}
