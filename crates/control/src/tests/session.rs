//! A console session, as a browser without scripts holds it.

use super::rig::*;
use serde_json::json;

/// A session and the token of its forms.
pub(super) struct Session {
    pub(super) cookie: String,
    pub(super) csrf: String,
}

impl Session {
    /// Opens one by a setup link and reads the token from a page with a form.
    pub(super) async fn open(running: &Running, page: &str) -> Self {
        let link = running.post("/api/v1/setup-links", json!(null)).await.is(201);
        let body = json!({ "token": link.json()["token"] }).to_string();
        let fields = [("Content-Type", "application/json")];
        let at = running.control.listen();
        let opened = send(at, "POST", "/api/v1/session/setup", &fields, body.as_bytes()).await.is(204);
        let cookie = opened.field("set-cookie").split(';').next().expect("a cookie").to_owned();
        let mut session = Self { cookie, csrf: String::new() };
        let page = session.get(running, page).await.is(200).text();
        let csrf = page.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        session.csrf = csrf.expect("a token in the form").to_owned();
        session
    }

    pub(super) async fn get(&self, running: &Running, path: &str) -> Answer {
        send(running.control.listen(), "GET", path, &[("Cookie", &self.cookie)], b"").await
    }

    /// Sends a form's fields with the session's token.
    pub(super) async fn send_form(&self, running: &Running, path: &str, form: &str) -> Answer {
        let fields =
            [("Cookie", self.cookie.as_str()), ("Content-Type", "application/x-www-form-urlencoded")];
        let body = format!("csrf={}&{form}", self.csrf);
        send(running.control.listen(), "POST", path, &fields, body.as_bytes()).await
    }
}

/// The id of an account's first site.
pub(super) async fn site_of(running: &Running, account: &str) -> String {
    let sites = running.get("/api/v1/sites").await.is(200).json();
    let accounts = sites["accounts"].as_array().expect("accounts");
    let account = accounts.iter().find(|own| own["name"] == account).expect("the account");
    account["sites"][0]["id"].as_str().expect("id").to_owned()
}
