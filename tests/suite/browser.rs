//! The page of `cnn serve` in a real browser: headless Chromium, driven by `chromedriver`.
//!
//! Skipped with a word where there is no `chromedriver`; `CNN_REQUIRE_BROWSER=1` makes that a fault.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::actions::{InputSource as _, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::json;

use crate::serve::Served;
use crate::support::{Lab, bar_png, repository};

/// A running `chromedriver`.
struct Driver {
    child: Child,
    address: String,
}

impl Driver {
    /// Starts it; nothing where the machine has none.
    fn start() -> Option<Self> {
        let mut command = Command::new("chromedriver");
        let child = command
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut child) = child else {
            assert!(
                std::env::var_os("CNN_REQUIRE_BROWSER").is_none(),
                "no `chromedriver`"
            );
            eprintln!("skipped: no `chromedriver` (Debian's `chromium-driver`)");
            return None;
        };
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.map(Result::unwrap).find_map(|line| {
            let (_, rest) = line.split_once("on port ")?;
            // Port 0 is what it was asked for, not what it has.
            rest.trim_end_matches('.')
                .parse::<u16>()
                .ok()
                .filter(|port| *port > 0)
        });
        let address = format!("http://127.0.0.1:{}", port.unwrap());
        Some(Self { child, address })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A page in a browser with a window of a width.
async fn page(driver: &Driver, address: &str, width: u32) -> Client {
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        &format!("--window-size={width},1000"),
    ];
    let capabilities = json!({ "goog:chromeOptions": { "args": arguments } });
    let capabilities = capabilities.as_object().unwrap().clone();
    let mut builder = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
    let client = builder
        .capabilities(capabilities)
        .connect(&driver.address)
        .await
        .unwrap();
    client.goto(&format!("http://{address}/")).await.unwrap();
    client
        .wait()
        .for_element(Locator::Css("body[data-ready]"))
        .await
        .unwrap();
    client
}

async fn element(client: &Client, css: &str) -> Element {
    client.find(Locator::Css(css)).await.unwrap()
}

/// Draws a line through places of the paper, counted from its middle.
async fn draw(client: &Client, places: &[(f64, f64)]) {
    let paper = element(client, "#paper").await;
    let go = |(x, y): (f64, f64)| PointerAction::MoveToElement {
        element: paper.clone(),
        duration: Some(Duration::from_millis(50)),
        x,
        y,
    };
    let button = MOUSE_BUTTON_LEFT;
    let mut actions = MouseActions::new("pen".to_owned()).then(go(places[0]));
    actions = actions.then(PointerAction::Down { button });
    for place in &places[1..] {
        actions = actions.then(go(*place));
    }
    actions = actions.then(PointerAction::Up { button });
    client.perform_actions(actions).await.unwrap();
}

/// Returns what an element says; nothing where there is none yet.
async fn said(client: &Client, css: &str) -> String {
    let script = format!("return document.querySelector('{css}')?.innerText ?? ''");
    let said = client.execute(&script, Vec::new()).await.unwrap();
    said.as_str().unwrap_or_default().to_owned()
}

/// Waits until an element says something.
async fn wait_for_text(client: &Client, css: &str, wanted: &str) {
    for _ in 0..6000 {
        if said(client, css).await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (said, status) = (said(client, css).await, said(client, "#status").await);
    panic!("`{css}` says `{said}`, not `{wanted}`; {status}");
}

/// Waits until a picture is there.
async fn wait_for_picture(client: &Client, css: &str) {
    let script = format!(
        "const i = document.querySelector('{css}'); return !i.hidden && i.complete && i.naturalWidth > 0"
    );
    for _ in 0..6000 {
        if client.execute(&script, Vec::new()).await.unwrap() == json!(true) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no picture `{css}`");
}

/// Chooses an entry of a menu, and waits until a picture is another one.
async fn choose(client: &Client, menu: &str, entry: &str, picture: &str) {
    let script = format!("return document.querySelector('{picture}').src");
    let before = client.execute(&script, Vec::new()).await.unwrap();
    let menu = element(client, menu).await;
    menu.select_by_label(entry).await.unwrap();
    for _ in 0..6000 {
        if client.execute(&script, Vec::new()).await.unwrap() != before {
            return wait_for_picture(client, picture).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("`{picture}` stays when `{entry}` is chosen");
}

/// Runs what a reader does in a browser; skips where there is none.
fn browse<T: Future<Output = ()>>(lab: &Lab, run: &str, visit: impl FnOnce(Driver, String) -> T) {
    let Some(driver) = Driver::start() else {
        return;
    };
    let served = Served::start(lab, &[run]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(visit(driver, served.address.clone()));
}

#[test]
fn a_seven_that_is_drawn_is_read_as_a_seven() {
    let lab = Lab::new();
    let config = std::fs::read_to_string(repository("configs/lenet5.toml")).unwrap();
    lab.write("lenet5.toml", config);
    std::fs::create_dir(lab.path("datasets")).unwrap();
    let digits = repository("datasets/mnist-5k");
    std::os::unix::fs::symlink(digits, lab.path("datasets/mnist-5k")).unwrap();
    if Driver::start().is_none() {
        return;
    }
    lab.cnn(&["train", "lenet5.toml", "--epochs", "2", "--quiet"])
        .ok();
    browse(&lab, "lenet5-1", async |driver, address| {
        let client = page(&driver, &address, 1400).await;
        wait_for_text(&client, "#name", "lenet5-1").await;
        draw(
            &client,
            &[(-60.0, -80.0), (60.0, -80.0), (0.0, 20.0), (-20.0, 90.0)],
        )
        .await;
        wait_for_text(&client, "#answer", "7").await;
        wait_for_text(&client, "#bars tr:first-child .name", "7").await;
        wait_for_picture(&client, "#explained").await;
        wait_for_picture(&client, "#features").await;
        choose(&client, "#class", "1", "#explained").await;
        choose(&client, "#method", "saliency", "#explained").await;
        choose(&client, "#layer", "S4 (pool) 16x5x5", "#features").await;
        wait_for_text(&client, "#status", "").await;

        element(&client, "#clear").await.click().await.unwrap();
        wait_for_text(&client, "#answer", "").await;
        draw(&client, &[(30.0, -100.0), (30.0, 100.0)]).await;
        wait_for_text(&client, "#answer", "1").await;
        client.close().await.unwrap();
    });
}

#[test]
fn pictures_are_taken_and_names_with_markup_are_text() {
    let lab = Lab::with_bars();
    std::fs::rename(lab.path("bars/across"), lab.path("bars/<b>across<script>")).unwrap();
    std::fs::rename(lab.path("bars/down"), lab.path("bars/&lt;\u{1b}[31m")).unwrap();
    if Driver::start().is_none() {
        return;
    }
    lab.cnn(&["train", "bars.toml", "--epochs", "20", "--quiet"])
        .ok();
    lab.write("one.png", bar_png(0, 2));
    lab.write("two.png", bar_png(1, 3));
    lab.write("no.png", b"no picture");
    let path = |name: &str| lab.path(name).display().to_string();
    browse(&lab, "bars-1", async |driver, address| {
        let client = page(&driver, &address, 400).await;
        let file = element(&client, "#file").await;
        file.send_keys(&path("one.png")).await.unwrap();
        wait_for_text(&client, "#answer", "<b>across<script>").await;
        assert!(client.find(Locator::Css("#answers b")).await.is_err());
        let all = ["one.png", "two.png", "no.png"].map(path).join("\n");
        element(&client, "#file")
            .await
            .send_keys(&all)
            .await
            .unwrap();
        wait_for_text(
            &client,
            "#many li:first-child",
            "one.png: <b>across<script>",
        )
        .await;
        wait_for_text(
            &client,
            "#many li:last-child",
            "no.png: its content is not a png, jpeg, webp or bmp picture",
        )
        .await;
        element(&client, "#many li:nth-child(2) button")
            .await
            .click()
            .await
            .unwrap();
        wait_for_text(&client, "#answer", "&lt;\u{1b}[31m").await;
        // Nothing stands out to the side.
        let script = "return document.documentElement.scrollWidth <= window.innerWidth";
        assert_eq!(
            client.execute(script, Vec::new()).await.unwrap(),
            json!(true)
        );
        client.close().await.unwrap();
    });
}
