//! A scenario fetched from the address that `src=` names: from here, or by https from a host that
//! allows it. Nothing about whoever sits here goes along.

use leptos::prelude::*;
use leptos::wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::store::{Dialog, Store};
use crate::scenario::Scenario;

/// The largest file that is read, in bytes.
const BYTES_MAX: f64 = 256.0 * 1024.0;

/// Fetches it and opens it.
pub(super) fn fetch(store: Store) {
    let Some(wanted) = store.options.src.as_deref() else { return };
    let here = window().location();
    let base = here.href().unwrap_or_default();
    let own = here.origin().unwrap_or_default();
    let address = match web_sys::Url::new_with_base(wanted, &base) {
        Ok(address) if address.origin() == own || address.protocol() == "https:" => address,
        _ => return refuse(store, "it is neither here nor at an https address"),
    };
    spawn_local(async move {
        match read(&address.href()).await {
            Ok(scenario) => {
                store.shared.set(false);
                store.original.set_value(Some(scenario.clone()));
                if store.open(scenario) {
                    store.shared.set(true);
                    if address.origin() != own {
                        store.warn(&format!("Scenario from {}.", address.host()));
                    }
                }
            }
            Err(reason) => refuse(store, &reason),
        }
    });
}

fn refuse(store: Store, reason: &str) {
    let src = store.options.src.as_deref().unwrap_or_default();
    let sentence = format!("The scenario that src names could not be opened: {reason}.");
    store.dialog.set(Dialog::Broken(sentence, format!("src={src}\n{reason}")));
}

async fn read(address: &str) -> Result<Scenario, String> {
    let none = |_: JsValue| "it could not be fetched, or its host does not allow it".to_owned();
    let options = web_sys::RequestInit::new();
    options.set_credentials(web_sys::RequestCredentials::Omit);
    let request = window().fetch_with_str_and_init(address, &options);
    let response: web_sys::Response =
        JsFuture::from(request).await.map_err(none)?.dyn_into().map_err(none)?;
    if !response.ok() {
        return Err(format!("its host answers {}", response.status()));
    }
    let header = |name| response.headers().get(name).ok().flatten().unwrap_or_default();
    if !header("content-type").contains("json") {
        return Err("it is not JSON by its content type".to_owned());
    }
    if header("content-length").parse().is_ok_and(|length: f64| length > BYTES_MAX) {
        return Err("it is larger than 256 kB".to_owned());
    }
    let blob: web_sys::Blob = JsFuture::from(response.blob().map_err(none)?)
        .await
        .map_err(none)?
        .dyn_into()
        .map_err(none)?;
    if blob.size() > BYTES_MAX {
        return Err("it is larger than 256 kB".to_owned());
    }
    let text = JsFuture::from(blob.text()).await.map_err(none)?.as_string().unwrap_or_default();
    Scenario::from_json(&text).and_then(Scenario::finished).map_err(|problem| problem.to_string())
}
