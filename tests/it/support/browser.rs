//! A real browser: headless Chromium, driven by the `WebDriver` protocol over plain HTTP.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::skip::skip;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Keys as the protocol names them.
pub(crate) const ENTER: &str = "\u{e007}";
pub(crate) const ESCAPE: &str = "\u{e00c}";
pub(crate) const TAB: &str = "\u{e004}";
pub(crate) const LEFT: &str = "\u{e012}";
pub(crate) const RIGHT: &str = "\u{e014}";
pub(crate) const DOWN: &str = "\u{e015}";

/// A browser with one window; ends when dropped.
pub(crate) struct Browser {
    driver: Child,
    agent: ureq::Agent,
    /// The address of the session.
    session: String,
    folder: TempDir,
}

impl Browser {
    /// A fresh one, or nothing but a loud line.
    ///
    /// # Panics
    /// Where none is installed and `SHIPWRIGHT_REQUIRE_ENGINE` is set, or where it does not start.
    #[track_caller]
    pub(crate) fn start() -> Option<Self> {
        let chromium = ["chromium", "chromium-browser", "google-chrome"];
        let binary = chromium.into_iter().find_map(program);
        let (Some(binary), Some(_)) = (binary, program("chromedriver")) else {
            skip("a browser (Debian: chromium and chromium-driver)");
            return None;
        };
        let folder = TempDir::with_prefix("shipwright-browser-").expect("a temporary folder");
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it is installed");
        let stdout = BufReader::new(driver.stdout.take().expect("a pipe"));
        let port = stdout.lines().map_while(Result::ok).find_map(|line| {
            let port = line.split_once("started successfully on port ")?.1;
            Some(port.trim_end_matches('.').to_owned())
        });
        let port = port.expect("chromedriver says its port");
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .build()
            .new_agent();
        let profile = folder.path().join("profile");
        fs::create_dir(&profile).unwrap();
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1360,900",
        ];
        let mut arguments: Vec<String> = arguments.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", profile.display()));
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": binary, "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }}});
        let mut browser = Self {
            driver,
            agent,
            session: format!("http://127.0.0.1:{port}/session"),
            folder,
        };
        let started = browser.post("", &capabilities);
        let id = started["sessionId"].as_str().expect("a session").to_owned();
        browser.session = format!("{}/{id}", browser.session);
        Some(browser)
    }

    /// Writes a page to a file and opens it; returns how long that took within the browser, until the
    /// page's script had run.
    #[track_caller]
    pub(crate) fn open(&self, page: &str) -> Duration {
        let file = self.folder.path().join("page.html");
        fs::write(&file, page).unwrap();
        // What the browser shows before the first page is none of ours.
        self.post("/url", &json!({"url": "about:blank"}));
        self.complaints();
        self.requests();
        self.post(
            "/url",
            &json!({"url": format!("file://{}", file.display())}),
        );
        assert_eq!(self.run("document.documentElement.dataset.ready"), "true");
        let time = self.run("performance.getEntriesByType('navigation')[0].loadEventStart");
        Duration::from_secs_f64(time.as_f64().expect("a number") / 1000.0)
    }

    /// The value of an expression in the page.
    #[track_caller]
    pub(crate) fn run(&self, expression: &str) -> Value {
        let script = json!({"script": format!("return {expression}"), "args": []});
        self.post("/execute/sync", &script)
    }

    /// Types keys, wherever the focus is.
    #[track_caller]
    pub(crate) fn keys(&self, keys: &str) {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key.to_string()}))
            })
            .collect();
        let actions = json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]});
        self.post("/actions", &actions);
    }

    /// Clicks the first element that a selector finds.
    #[track_caller]
    pub(crate) fn click(&self, selector: &str) {
        let found = self.post(
            "/element",
            &json!({"using": "css selector", "value": selector}),
        );
        let id = found.as_object().and_then(|object| object.values().next());
        let id = id.and_then(Value::as_str).expect("an element");
        self.post(&format!("/element/{id}/click"), &json!({}));
    }

    /// What the page complained of: errors of its script, and what its policy or the network refused.
    #[track_caller]
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({"type": "browser"}));
        let entries = log.as_array().cloned().unwrap_or_default();
        entries
            .iter()
            .map(|entry| entry["message"].to_string())
            .collect()
    }

    /// The addresses that were asked for, the page's own file and data within it left out.
    #[track_caller]
    pub(crate) fn requests(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({"type": "performance"}));
        let entries = log.as_array().cloned().unwrap_or_default();
        let requests = entries.iter().filter_map(|entry| {
            let message: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let message = &message["message"];
            (message["method"] == "Network.requestWillBeSent").then_some(())?;
            Some(message["params"]["request"]["url"].as_str()?.to_owned())
        });
        let ours = |url: &String| url.starts_with("data:") || url.ends_with("/page.html");
        requests.filter(|url| !ours(url)).collect()
    }

    /// Chooses light or dark, as the person's system would.
    #[track_caller]
    pub(crate) fn prefer(&self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        let command =
            json!({"cmd": "Emulation.setEmulatedMedia", "params": {"features": features}});
        self.post("/goog/cdp/execute", &command);
    }

    /// A PNG of the window, or of an element.
    #[track_caller]
    pub(crate) fn screenshot(&self) -> Vec<u8> {
        let address = format!("{}/screenshot", self.session);
        let response = self.agent.get(&address).call().expect("it answers");
        let answer: Value = read(response);
        let text = answer["value"].as_str().expect("an image");
        BASE64.decode(text).expect("base64")
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        let address = format!("{}{path}", self.session);
        let response = self
            .agent
            .post(&address)
            .header("content-type", "application/json")
            .send(body.to_string())
            .expect("chromedriver answers");
        let status = response.status();
        let mut answer = read(response);
        assert!(status.is_success(), "{path} {body}: {answer}");
        answer["value"].take()
    }
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Value {
    let body = response.body_mut().with_config().limit(64 << 20);
    let text = body.read_to_string().expect("text");
    serde_json::from_str(&text).expect("JSON")
}

/// The path of a program, if it is installed.
fn program(name: &str) -> Option<String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':');
    let files = folders.map(|folder| format!("{folder}/{name}"));
    files
        .into_iter()
        .find(|file| fs::metadata(file).is_ok_and(|metadata| metadata.is_file()))
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
