//! The console's page about the ways into a site: one that asks for much, and one of which nothing is set.

use crate::pages::cache::SiteHead;
use crate::pages::ways_in::{Checked, WaysInForm, WaysInPage};

const PEM: &str = "-----BEGIN CERTIFICATE-----\nMIIBdjCCAR2gAwIBAgIUc2FtcGxlLWF1dGhvcml0eS0wMDAxMAoGCCqGSM49BAMC\n-----END CERTIFICATE-----\n";

/// A form that was checked and lowers the customer's service.
pub(in crate::pages) fn ways_in() -> WaysInPage {
    let form = WaysInForm {
        redirect_https: true,
        hsts: true,
        max_age: "31536000".to_owned(),
        include_subdomains: true,
        tls_min: "1.3".to_owned(),
        clients: "required".to_owned(),
        authorities: PEM.to_owned(),
        retry_after: "600".to_owned(),
        allow: "192.0.2.0/24\n2001:db8::7".to_owned(),
        origin_host: "origin.shop.example.test:8443".to_owned(),
        trace: true,
        request: "Please let in our tills alone.".to_owned(),
        ..WaysInForm::default()
    };
    WaysInPage {
        csrf: "c5rf".to_owned(),
        public_url: "http://localhost:9091".to_owned(),
        version: "0.1.0".to_owned(),
        site: SiteHead { id: "site_1".to_owned(), hosts: vec!["shop.example.test".to_owned()] },
        form,
        checked: Some(Checked {
            before: "redirect_https = true\n".to_owned(),
            after: format!(
                "redirect_https = true\ntrace = true\nhsts = {{ max_age = 31536000, include_subdomains = true }}\n\
                 tls_min = \"1.3\"\nclient_certificates = {{ ca = \"\"\"\n{PEM}\"\"\", mode = \"required\" }}\n\
                 origin_host = \"origin.shop.example.test:8443\"\n"
            ),
            changes: true,
            lowers: vec![
                "visitors who speak older versions of TLS are turned away".to_owned(),
                "other visitors' certificates are asked for".to_owned(),
            ],
        }),
        error: Some("customer_request: say at least why".to_owned()),
        done: false,
    }
}

/// A site of which nothing is set.
pub(in crate::pages) fn ways_into_a_new_site() -> WaysInPage {
    let form = WaysInForm {
        max_age: "31536000".to_owned(),
        retry_after: "600".to_owned(),
        tls_min: "1.2".to_owned(),
        clients: "none".to_owned(),
        ..WaysInForm::default()
    };
    WaysInPage { form, checked: None, error: None, done: true, ..ways_in() }
}
