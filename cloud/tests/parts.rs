//! The parts, put together by hand without threads and sockets, answer as the cloud on its sockets does.

use crate::support;

use fieldpost_cloud::parts::{
    Custody, Format, HttpAnswer, Origin, Refused, Stored, SubmitError, Upload, Vault, http_answer,
    text_answer,
};
use fieldpost_core::UtcInstant;
use support::Cloud;

const JSON: &str = "application/senml+json";

/// Takes an upload as the shell does.
fn take(vault: &mut Vault, upload: &Upload) -> Result<Stored, SubmitError> {
    let result = match upload.read() {
        Ok(submission) => vault.store(vec![submission]).remove(0),
        Err(refusal) => Err(SubmitError::Refused(refusal)),
    };
    if let Err(SubmitError::Refused(refusal)) = &result {
        vault.quarantine(&[Refused::new(upload, refusal)]).unwrap();
    }
    result
}

fn upload(format: Format, text: &str, custody: Option<Custody>) -> Upload {
    let origin = Origin { gateway: "north".into(), time_zone: None, custody };
    let now = UtcInstant::from(jiff::Timestamp::now());
    Upload::new(format, text.to_owned().into(), origin, now)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_parts_answer_what_the_sockets_answer() {
    let cloud = Cloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    Vault::create(&path).unwrap();
    let mut vault = Vault::open(&path).unwrap();
    let packs = [
        (r#"[{"bn":"m1/","bt":1751356800,"n":"temperature","u":"Cel","v":20}]"#, 200),
        (r#"[{"bn":"m1/","bt":1751356800,"n":"temperature","u":"Cel","v":21}]"#, 200),
        ("[]", 200),
        (r#"[{"bn":"m1/","bt":1751356800,"n":"temperature","u":"Cel","v":1e9}]"#, 422),
        ("[{", 400),
    ];
    for (n, (pack, status)) in packs.into_iter().enumerate() {
        let custody = Custody { journal: 7, after: n as u64, through: n as u64 + 1 };
        let told = custody.to_string();
        let headers = [("content-type", JSON), ("fieldpost-gateway", "north"), ("fieldpost-custody", &told)];
        let said = cloud.request("POST", "/api/v1/surveys", &headers, pack.into()).await;
        let answer = http_answer(&take(&mut vault, &upload(Format::Json, pack, Some(custody))));
        let mark = said.headers.get("fieldpost-custody").map(|mark| mark.to_str().unwrap().to_owned());
        assert_eq!(answer.status, status, "{pack}");
        assert_eq!((said.status.as_u16(), said.header("content-type")), (answer.status, answer.content_type));
        assert_eq!((said.text(), mark), (answer.body, answer.custody), "{pack}");
    }
    for text in ["m2 08:00 - 20 - 30%\n", "m2 08:00 - 20 - 30%\n", "m2 25:00 - 20 - 30%\n"] {
        let result = take(&mut vault, &upload(Format::Text(jiff::tz::TimeZone::UTC), text, None));
        assert_eq!(cloud.upload(text).await, text_answer(&result), "{text}");
    }
    assert_eq!(vault.readings(), 2);
    cloud.stop().await;
    let kept: i64 = support::sql(&path, "SELECT count(*) FROM quarantine");
    assert_eq!(kept, 3);
}

#[test]
fn a_store_that_fails_is_told_on_both_sides_as_nobodys_last_word() {
    let result = Err(SubmitError::Store("disk I/O error".into()));
    let HttpAnswer { status, content_type, custody, body } = http_answer(&result);
    assert_eq!((status, content_type, custody), (503, "application/problem+json", None));
    assert!(body.contains(r#""reason":"store-failing""#) && !body.contains("I/O"), "{body}");
    assert_eq!(text_answer(&result), "An error is occurred");
}
