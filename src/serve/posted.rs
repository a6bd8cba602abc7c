//! Pictures out of a request's body.

use std::fmt;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, Multipart, Request};
use axum::http::{HeaderMap, StatusCode, header};
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, Engine as _};
use http_body_util::BodyExt as _;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tokio::sync::OwnedSemaphorePermit;

use super::app::{App, Limits};
use super::refusal::Refusal;
use crate::dataset;
use crate::predict::Picture;

/// Seconds in which a body must have come.
const BODY_SECS: u64 = 20;

/// Letters of a picture's name.
const NAME: usize = 200;

/// Bytes of a body that is too large which are read before it is refused, as many clients listen only once they have sent all.
const UNREAD: usize = 64 << 20;
/// Seconds in which they must have come.
const UNREAD_SECS: u64 = 5;

/// Base64, with or without `=` at its end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Pictures, and the room that their bytes take.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) pictures: Vec<Picture>,
    /// Given back when it is dropped.
    pub(super) room: Option<OwnedSemaphorePermit>,
}

impl Posted {
    /// Reads the pictures of a request: parts of a form, JSON with base64, or one picture as it is.
    pub(super) async fn read(app: &App, request: Request) -> Result<Self, Refusal> {
        let (head, body) = request.into_parts();
        let reading = body_of(app, &head.headers, body);
        let read = tokio::time::timeout(Duration::from_secs(BODY_SECS), reading).await;
        let (bytes, room) = read.map_err(|_| {
            let message = format!("the request's body did not come within {BODY_SECS} s");
            Refusal::new(StatusCode::REQUEST_TIMEOUT, message)
        })??;
        let kind = head.headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let pictures = match kind.as_str() {
            "multipart/form-data" => of_form(Request::from_parts(head, Body::from(bytes))).await?,
            "application/json" => of_json(&bytes)?,
            // Whatever it is called, its content tells what it is.
            _ if !bytes.is_empty() => vec![Picture {
                name: "picture".to_owned(),
                content: Ok(bytes.to_vec()),
            }],
            _ => Vec::new(),
        };
        if pictures.is_empty() {
            let help = "send one as it is, parts of a form, or JSON: `{\"image\": \"<base64>\"}`";
            return Err(Refusal::bad("the request holds no picture").help(help));
        }
        let mut bound = Bound {
            each: app.limits.pixels,
            left: app.limits.pixels.saturating_mul(Limits::LARGE_PICTURES),
        };
        let pictures = pictures.into_iter().map(|picture| bound.hold(picture));
        Ok(Self {
            pictures: pictures.collect(),
            room,
        })
    }

    /// Takes the one picture that there is.
    pub(super) fn one(mut self) -> Result<(Picture, Option<OwnedSemaphorePermit>), Refusal> {
        match (self.pictures.pop(), self.pictures.len()) {
            (Some(picture), 0) => Ok((picture, self.room)),
            _ => Err(Refusal::bad("one picture is looked at a request")),
        }
    }
}

/// Reads a body, and takes room for it as it comes.
async fn body_of(
    app: &App,
    headers: &HeaderMap,
    mut body: Body,
) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Refusal> {
    let most = app.limits.body_bytes;
    let too_large = || {
        let message = format!("the request's body is over {} MiB", most >> 20);
        let help = "send smaller pictures, or fewer; `cnn serve --max-body` raises the bound";
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message).help(help)
    };
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > most as u64) {
        let reading = drain(body);
        // Whoever goes on sending hears nothing.
        let _ = tokio::time::timeout(Duration::from_secs(UNREAD_SECS), reading).await;
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let mut room: Option<OwnedSemaphorePermit> = None;
    let mut taken = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::bad("the request's body broke off"))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > most {
            return Err(too_large());
        }
        bytes.extend_from_slice(&data);
        let needed = u32::try_from(bytes.len().div_ceil(1024)).unwrap_or(u32::MAX);
        if needed > taken {
            let more = app.bodies.clone().try_acquire_many_owned(needed - taken);
            let more = more.map_err(|_| Refusal::busy("too many pictures came at once"))?;
            match &mut room {
                Some(room) => room.merge(more),
                None => room = Some(more),
            }
            taken = needed;
        }
    }
    Ok((bytes.into(), room))
}

/// Reads what nobody wants to know.
async fn drain(mut body: Body) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > UNREAD {
            return;
        }
    }
}

async fn of_form(request: Request) -> Result<Vec<Picture>, Refusal> {
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|error| Refusal::bad(error.body_text()))?;
    let mut pictures = Vec::new();
    loop {
        let part = form.next_field().await;
        let Some(part) = part.map_err(|error| Refusal::bad(error.body_text()))? else {
            return Ok(pictures);
        };
        let name = part.file_name().or(part.name()).unwrap_or("picture");
        // It comes back with the answer.
        let name = name.chars().take(NAME).collect();
        let bytes = part.bytes().await;
        let bytes = bytes.map_err(|error| Refusal::bad(error.body_text()))?;
        pictures.push(Picture {
            name,
            content: Ok(bytes.to_vec()),
        });
        if pictures.len() > Limits::PICTURES {
            return Err(Refusal::bad(too_many()));
        }
    }
}

fn too_many() -> String {
    let most = Limits::PICTURES;
    format!("the request holds more than {most} pictures")
}

/// What JSON says: one picture or several, in base64.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `image` or `images`")]
struct Encoded {
    image: Option<String>,
    #[serde(default, deserialize_with = "few")]
    images: Vec<String>,
}

/// Reads as many texts as there may be pictures, and not one more.
fn few<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Few;

    impl<'de> Visitor<'de> for Few {
        type Value = Vec<String>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a list of texts in base64")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
            let mut texts = Vec::new();
            while let Some(text) = list.next_element()? {
                if texts.len() == Limits::PICTURES {
                    return Err(serde::de::Error::custom(too_many()));
                }
                texts.push(text);
            }
            Ok(texts)
        }
    }

    deserializer.deserialize_seq(Few)
}

fn of_json(bytes: &[u8]) -> Result<Vec<Picture>, Refusal> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let encoded: Encoded = serde_json::from_slice(bytes).map_err(|error| {
        let help = "expected `{\"image\": \"<base64>\"}` or `{\"images\": [\"<base64>\", …]}`";
        Refusal::bad(format!("the JSON cannot be read: {error}")).help(help)
    })?;
    let one = encoded.image.map(|text| ("image".to_owned(), text));
    let several = encoded.images.into_iter().enumerate();
    let several = several.map(|(number, text)| (number.to_string(), text));
    let picture = |(name, text): (String, String)| Picture {
        name,
        content: decode(&text),
    };
    Ok(one.into_iter().chain(several).map(picture).collect())
}

/// Decodes base64, with or without the `data:image/png;base64,` of a data address before it, in one line or several.
fn decode(text: &str) -> Result<Vec<u8>, String> {
    let text = match text.split_once("base64,") {
        Some((address, data)) if address.starts_with("data:") => data,
        _ => text,
    };
    let letters: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    BASE64
        .decode(letters)
        .map_err(|error| format!("it is no base64: {error}"))
}

/// How many pixels pictures may have.
struct Bound {
    each: u64,
    /// What is left for the other pictures of the request.
    left: u64,
}

impl Bound {
    /// Leaves a picture of too many pixels out.
    fn hold(&mut self, picture: Picture) -> Picture {
        let pixels = picture.content.as_deref().ok();
        let pixels = pixels.and_then(dataset::pixels_of).unwrap_or(0);
        let refused = if pixels > self.each {
            format!("it has {pixels} pixels, at most {} are taken", self.each)
        } else if pixels > self.left {
            "the pictures before it have as many pixels as are taken at once".to_owned()
        } else {
            self.left -= pixels;
            return picture;
        };
        Picture {
            content: Err(refused),
            ..picture
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(decode(text).as_deref(), Ok(expected.as_bytes()));
    }

    #[test]
    fn base64_comes_in_many_ways() {
        check("Y2F0", "cat");
        check("data:image/png;base64,Y2F0", "cat");
        check("Y2\nF0\r\n", "cat");
        check("Y2F0cw", "cats");
        check("Y2F0cw==", "cats");
        assert!(decode("Y2F?").is_err_and(|reason| reason.starts_with("it is no base64")));
    }

    #[test]
    fn json_names_pictures_by_their_places() {
        let pictures = of_json(br#"{"images": ["Y2F0", "?"]}"#).unwrap();
        let names: Vec<&str> = pictures
            .iter()
            .map(|picture| picture.name.as_str())
            .collect();
        assert_eq!(names, ["0", "1"]);
        assert_eq!(pictures[0].content.as_deref(), Ok(&b"cat"[..]));
        assert!(pictures[1].content.is_err());
        assert!(of_json(br#"{"picture": "Y2F0"}"#).is_err());
        assert!(of_json(br"{}").unwrap().is_empty());
        let many = format!(r#"{{"images": [{}""]}}"#, r#""","#.repeat(Limits::PICTURES));
        assert!(of_json(many.as_bytes()).is_err());
    }

    #[test]
    fn pixels_are_bounded_of_each_picture_and_of_all() {
        // A head of 3x2 pixels.
        let size = [3_u32, 2].map(u32::to_le_bytes).concat();
        let head = [
            &b"BM"[..],
            &[0; 8],
            &[54, 0, 0, 0, 40, 0, 0, 0],
            &size,
            &[1, 0, 24, 0],
            &[0; 24],
        ];
        let picture = Picture {
            name: String::new(),
            content: Ok(head.concat()),
        };
        let mut bound = Bound { each: 6, left: 13 };
        assert!(bound.hold(picture.clone()).content.is_ok());
        assert!(bound.hold(picture.clone()).content.is_ok());
        let third = bound.hold(picture.clone()).content;
        assert!(third.is_err_and(|reason| reason.starts_with("the pictures before it")));
        let mut bound = Bound { each: 5, left: 13 };
        assert!(
            bound
                .hold(picture)
                .content
                .is_err_and(|reason| reason.contains("6 pixels"))
        );
    }
}
