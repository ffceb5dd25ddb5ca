//! What is where it should be already costs next to nothing.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use serde_json::Value;

use crate::support::program;
use crate::support::raw_registry::digest;
use crate::support::repo::Repo;
use crate::support::request::{Request, answer};

/// A registry in which every tag names the same image; gives its host and what it is asked.
fn everything_is_there() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    let header = format!("Docker-Content-Digest: {}\r\n", digest(b"{}"));
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            if let Ok(Some(request)) = Request::read(&client) {
                let line = format!("{} {}", request.method, request.path);
                seen.lock().unwrap().push(line);
                let _ = answer(&client, "200 OK", &header, "");
            }
        }
    });
    (host, requests)
}

/// One question for each content reference and each tag, and none to the source, which is not even there.
#[test]
fn images_that_are_there_take_one_question_for_each_reference() {
    const IMAGES: usize = 200;
    let (host, requests) = everything_is_there();
    let mut fixture =
        "//- .shipwright.json\n{\"version\": 2, \"namespace\": \"127.0.0.1:9/dev\"}\n".to_owned();
    for number in 0..IMAGES {
        let _ = writeln!(
            fixture,
            "//- i{number}/Dockerfile\nFROM scratch\nCOPY Dockerfile /{number}"
        );
    }
    let repo = Repo::new(&fixture);
    let plan: Value = serde_json::from_str(&program::run(&repo, &["plan"])).unwrap();
    let mut asked = BTreeSet::new();
    for image in plan["images"].as_array().unwrap() {
        let tags = image["tags"].as_array().unwrap().iter();
        for reference in tags.chain([&image["reference"]]) {
            let (name, tag) = reference.as_str().unwrap().rsplit_once(':').unwrap();
            let name = name.rsplit('/').next().unwrap();
            asked.insert(format!("HEAD /v2/prod/{name}/manifests/{tag}"));
        }
    }
    assert_eq!(asked.len(), 3 * IMAGES);
    let to = format!("{host}/prod/{{{{ short }}}}");
    let started = Instant::now();
    let printed = program::run(&repo, &["promote", "-q", "--to", &to]);
    eprintln!("{IMAGES} images that are there: {:?}", started.elapsed());
    let expected = "0 copied, 200 already there, 0 tags moved\n";
    assert!(printed.ends_with(expected), "{printed}");
    let requests = std::mem::take(&mut *requests.lock().unwrap());
    assert_eq!(requests.len(), asked.len());
    assert_eq!(requests.into_iter().collect::<BTreeSet<_>>(), asked);
}
