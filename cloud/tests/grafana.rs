//! The dashboard for Grafana asks questions that a store answers.

use crate::support;

use rusqlite::Connection;
use support::Cloud;

fn dashboard() -> serde_json::Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/grafana/fieldpost.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[tokio::test]
async fn every_panel_of_the_grafana_dashboard_shows_something() {
    let cloud = Cloud::start().await;
    let pack = |value: f64| {
        format!(
            r#"[{{"bn":"m1/","bt":1751356800,"n":"temperature","u":"Cel","v":{value}}},{{"n":"moisture","u":"/","v":0.3}}]"#
        )
    };
    for value in [20.5, 21.0] {
        assert_eq!(cloud.post_json(&pack(value)).await.status, 200);
    }
    let store = Connection::open(cloud.store()).unwrap();
    let panels = dashboard()["panels"].as_array().unwrap().clone();
    assert!(panels.len() >= 5);
    for panel in panels {
        let sql = panel["targets"][0]["queryText"].as_str().unwrap();
        assert_eq!(panel["targets"][0]["rawQueryText"], sql);
        let sql = sql.replace("${device:sqlstring}", "'m1'").replace("$__from", "1751356800000");
        let sql = sql.replace("$__to", "1751356800000");
        let mut statement = store.prepare(&sql).unwrap_or_else(|error| panic!("{}: {error}", panel["title"]));
        let rows = statement.query_map([], |_| Ok(())).unwrap().count();
        assert_eq!(rows, 1, "{}", panel["title"]);
    }
    cloud.stop().await;
}
