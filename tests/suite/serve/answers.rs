//! What is answered: predictions, drawings, descriptions.

use serde_json::{Value, json};

use super::{Served, form, lab};
use crate::support::{CLASSES, Lab};

/// Returns what `cnn predict --json` says of pictures, without their names.
fn predicted(lab: &Lab, names: &[&str]) -> Vec<Value> {
    let mut arguments = vec!["predict", "--json"];
    arguments.extend(names);
    let outcome = lab.cnn(&arguments).ok();
    let lines = outcome.json_lines().into_iter();
    lines.map(|line| line["predictions"].clone()).collect()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let mut bits = 0_u32;
        for place in 0..3 {
            bits = bits << 8 | u32::from(three.get(place).copied().unwrap_or(0));
        }
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place > three.len() {
                '='
            } else {
                letter.into()
            });
        }
    }
    text
}

#[test]
fn pictures_are_answered_as_predict_answers_them() {
    let lab = lab();
    let served = Served::start(&lab, &["bars-1"]);
    let names = ["0.png", "1.png", "2.png", "3.png"];
    let expected = predicted(&lab, &names);

    let plain = served
        .post("/predict", "image/png", &lab.read("0.png"))
        .json(200);
    assert_eq!(plain["model"], "bars-1");
    assert_eq!(
        plain["results"],
        json!([{ "path": "picture", "predictions": expected[0] }])
    );
    // As curl sends it.
    let kind = "application/x-www-form-urlencoded";
    assert_eq!(
        served.post("/predict", kind, &lab.read("0.png")).json(200),
        plain
    );

    let contents: Vec<Vec<u8>> = names.iter().map(|name| lab.read(name)).collect();
    let parts: Vec<(&str, &[u8])> = names
        .iter()
        .copied()
        .zip(contents.iter().map(Vec::as_slice))
        .collect();
    let kind = "multipart/form-data; boundary=frontier";
    let several = served.post("/predict", kind, &form(&parts)).json(200);
    for (number, result) in several["results"].as_array().unwrap().iter().enumerate() {
        assert_eq!(
            *result,
            json!({ "path": names[number], "predictions": expected[number] })
        );
    }

    let encoded: Vec<String> = contents.iter().map(|content| base64(content)).collect();
    let body = json!({ "images": encoded }).to_string();
    let several = served
        .post("/predict", "application/json", body.as_bytes())
        .json(200);
    for (number, result) in several["results"].as_array().unwrap().iter().enumerate() {
        assert_eq!(
            *result,
            json!({ "path": number.to_string(), "predictions": expected[number] })
        );
    }
    let body = json!({ "image": format!("data:image/png;base64,{}", encoded[1]) }).to_string();
    let one = served
        .post(
            "/predict?top_k=1",
            "application/json; charset=utf-8",
            body.as_bytes(),
        )
        .json(200);
    assert_eq!(one["results"][0]["predictions"], json!([expected[1][0]]));
}

#[test]
fn a_picture_that_cannot_be_read_keeps_no_other_from_its_answer() {
    let lab = lab();
    let served = Served::start(&lab, &[]);
    let kind = "multipart/form-data; boundary=frontier";
    let good = lab.read("0.png");
    let parts: [(&str, &[u8]); 2] = [("bad.png", b"no picture"), ("good.png", &good)];
    let reply = served.post("/predict", kind, &form(&parts)).json(200);
    let reason = "its content is not a png, jpeg, webp or bmp picture";
    assert_eq!(
        reply["results"][0],
        json!({ "path": "bad.png", "error": reason })
    );
    assert_eq!(
        reply["results"][1]["predictions"],
        predicted(&lab, &["0.png"])[0]
    );
    let reply = served
        .post("/predict", "image/png", b"no picture")
        .json(422);
    assert_eq!(reply["results"][0]["error"], reason);
    let reply = served
        .post("/predict", "application/json", br#"{"image": "?"}"#)
        .json(422);
    assert!(
        reply["results"][0]["error"]
            .as_str()
            .unwrap()
            .contains("base64")
    );
}

/// What docs/serve.md says of pictures that are sent wrongly.
#[test]
fn pictures_that_are_sent_wrongly_are_told_as_the_page_says() {
    let lab = lab();
    let served = Served::start(&lab, &[]);
    let picture = lab.read("0.png");
    // As `curl -d @FILE` sends it.
    let form = "application/x-www-form-urlencoded";
    let mut stripped = picture.clone();
    stripped.retain(|byte| !b"\r\n\0".contains(byte));
    let reply = served.post("/predict", form, &stripped).json(422);
    let unknown = reply["results"][0]["error"].as_str().unwrap();

    let whole = base64(&picture);
    let in_lines = format!("{}\n{}", &whole[..76], &whole[76..]);
    let body = |text: &str| format!("{{\"image\": \"{text}\"}}").into_bytes();
    let sent = |kind: &str, text: &str| served.post("/predict", kind, &body(text));
    let unreadable = sent("application/json", &in_lines).json(400);
    let unreadable = unreadable["error"].as_str().unwrap();
    assert_eq!(sent(form, &whole).json(422)["results"][0]["error"], unknown);
    sent("application/json", &whole).json(200);

    let page = std::fs::read_to_string(crate::support::repository("docs/serve.md")).unwrap();
    for said in [unknown, unreadable.split(" at line").next().unwrap()] {
        assert!(page.contains(said), "docs/serve.md does not tell `{said}`");
    }
}

#[test]
fn requests_that_come_together_are_answered_as_alone() {
    let lab = lab();
    let served = Served::start(&lab, &["--threads", "2"]);
    let names = ["0.png", "1.png", "2.png", "3.png"];
    let expected = predicted(&lab, &names);
    std::thread::scope(|scope| {
        for place in 0..8 {
            let (lab, served, expected) = (&lab, &served, &expected);
            scope.spawn(move || {
                for number in 0..10 {
                    let number = (place + number) % names.len();
                    let reply = served
                        .post("/predict", "image/png", &lab.read(names[number]))
                        .json(200);
                    assert_eq!(reply["results"][0]["predictions"], expected[number]);
                }
            });
        }
    });
    let metrics = String::from_utf8(served.get("/metrics").body).unwrap();
    let figure = |name: &str| -> f64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{metrics}"))
            .trim()
            .parse()
            .unwrap()
    };
    assert_eq!(figure("cnn_pictures_total "), 80.0);
    assert!(figure("cnn_batches_total ") <= 80.0);
    assert_eq!(
        figure("cnn_requests_total{path=\"/predict\",status=\"200\"} "),
        80.0
    );
    assert!(metrics.ends_with("# EOF\n"));
}

#[test]
fn what_is_drawn_is_what_show_draws() {
    let lab = lab();
    let served = Served::start(&lab, &["bars-1"]);
    let picture = lab.read("1.png");
    lab.cnn(&["show", "bars-1", "features", "1.png", "--out", "drawn"])
        .ok();
    let reply = served.post("/features", "image/png", &picture);
    assert_eq!(reply.status, 200);
    assert!(
        reply.head.contains("content-type: image/png"),
        "{}",
        reply.head
    );
    assert_eq!(reply.body, lab.read("drawn/features-1.png"));
    lab.cnn(&[
        "show", "bars-1", "features", "1.png", "--layer", "0", "--out", "drawn",
    ])
    .ok();
    let reply = served.post("/features?layer=0", "image/png", &picture);
    assert_eq!(reply.body, lab.read("drawn/features-1-0.png"));

    for method in [
        "grad-cam",
        "grad-cam%2B%2B",
        "saliency",
        "integrated-gradients",
        "occlusion",
    ] {
        let name = method.replace("%2B", "+");
        lab.cnn(&[
            "show", "bars-1", "explain", "1.png", "--method", &name, "--class", "down", "--out",
            &name,
        ])
        .ok();
        let drawn = lab.read(format!("{name}/{}", lab.names(&name)[0]));
        let reply = served.post(
            &format!("/explain?method={method}&class=down"),
            "image/png",
            &picture,
        );
        assert_eq!(reply.body, drawn, "{name}");
    }
    let other = served.post("/explain?class=0", "image/png", &picture);
    assert_eq!(other.status, 200);
    assert_eq!(
        served
            .post("/explain?class=across", "image/png", &picture)
            .body,
        other.body
    );
}

#[test]
fn the_network_and_the_service_are_described() {
    let lab = lab();
    let served = Served::start(&lab, &["bars-1"]);
    let model = served.get("/model").json(200);
    assert_eq!(model["name"], "bars-1");
    assert_eq!(model["input"], json!([1, 8, 8]));
    assert_eq!(model["classes"], json!(CLASSES));
    assert_eq!(model["parameters"], 151);
    assert_eq!(
        model["layers"][0],
        json!({ "name": "0", "path": "0", "type": "conv", "output": [4, 6, 6] })
    );
    assert_eq!(model["dark"], true);
    assert_eq!(model["report"], true);
    assert_eq!(
        served.get("/healthz").json(200),
        json!({ "status": "ok", "model": "bars-1" })
    );
    assert_eq!(served.get("/openapi.json").json(200)["openapi"], "3.1.0");

    let page = served.get("/");
    assert!(
        page.head.contains("content-type: text/html"),
        "{}",
        page.head
    );
    assert!(page.head.contains("script-src 'self'"), "{}", page.head);
    let report = served.get("/report");
    assert_eq!(report.body, lab.read("runs/bars-1/report.html"));
    assert!(
        report.head.contains("style-src 'unsafe-inline'"),
        "{}",
        report.head
    );
    std::fs::remove_file(lab.path("runs/bars-1/report.html")).unwrap();
    let missing = served.get("/report").json(404);
    assert_eq!(missing["help"], "write it with `cnn runs report bars-1`");
}

#[test]
fn a_model_file_alone_is_served() {
    let lab = lab();
    lab.write(
        "elsewhere/net.safetensors",
        lab.read("runs/bars-1/model.safetensors"),
    );
    let served = Served::start(&lab, &["elsewhere/net.safetensors"]);
    assert_eq!(served.get("/model").json(200)["report"], false);
    served.get("/report").refused(404, "no report");
    let reply = served
        .post("/predict", "image/png", &lab.read("0.png"))
        .json(200);
    assert_eq!(
        reply["results"][0]["predictions"],
        predicted(&lab, &["0.png"])[0]
    );
}
